internal import ArgumentParser

/// The options of a command, read off its declaration, so that a configuration file knows them all.
struct OptionTable {
  /// What may follow an option.
  enum Kind {
    /// A value.
    case value
    /// `true` or `false`, or nothing, which means true.
    case boolean
    /// A value, or nothing, which means the word given here.
    case optional(String)
  }

  /// Kebab-case names without dashes, with what may follow.
  private(set) var kinds: [String: Kind] = [:]

  init(_ command: any ParsableArguments.Type) { add(command) }

  private mutating func add(_ arguments: any ParsableArguments.Type) {
    for child in Mirror(reflecting: arguments.init()).children {
      guard let label = child.label, label.hasPrefix("_") else { continue }
      if let group = child.value as? any OptionGroupLike {
        add(group.arguments)
      } else if let option = child.value as? any OptionLike {
        kinds[OptionTable.kebab(String(label.dropFirst()))] = option.kind
      }
    }
  }

  /// `samplingSteps` or `sampling_steps` as `sampling-steps`.
  static func kebab(_ name: String) -> String {
    name.reduce(into: "") { result, character in
      if character == "_" {
        result += "-"
      } else if character.isUppercase {
        result += "-" + character.lowercased()
      } else {
        result.append(character)
      }
    }
  }
}

/// An option group, whatever it holds.
private protocol OptionGroupLike {
  var arguments: any ParsableArguments.Type { get }
}

extension OptionGroup: OptionGroupLike {
  fileprivate var arguments: any ParsableArguments.Type { Value.self }
}

/// An option, whatever its type.
private protocol OptionLike {
  var kind: OptionTable.Kind { get }
}

extension Option: OptionLike {
  fileprivate var kind: OptionTable.Kind {
    switch Value.self {
    case is Bool.Type, is Bool?.Type: .boolean
    case let type as any BareOption.Type: .optional(type.bareValue)
    default: .value
    }
  }
}

/// A type of option that may stand without a value.
protocol BareOption {
  /// The value that the bare option stands for.
  static var bareValue: String { get }
}

extension Optional: BareOption where Wrapped: BareOption {
  static var bareValue: String { Wrapped.bareValue }
}
