internal import ArgumentParser

/// The options of a command, read off its declaration, so that a configuration file knows them all.
struct OptionTable {
  /// What may follow an option.
  enum Kind {
    /// A value.
    case value
    /// A whole number.
    case integer
    /// `true` or `false`, or nothing, which means true.
    case boolean
    /// A value, or nothing, which means the word given here.
    case optional(String)
  }

  /// Kebab-case names without dashes, with what may follow.
  private(set) var kinds: [String: Kind] = [:]
  /// By option, those of a configuration file that it replaces if it is given as a flag.
  private(set) var replaced: [String: Set<String>] = [:]

  init(_ command: any ParsableArguments.Type) { add(command) }

  private mutating func add(_ arguments: any ParsableArguments.Type) {
    if let group = arguments as? any ReplacingOptions.Type {
      replaced.merge(group.replaced) { $0.union($1) }
    }
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
    case is Int.Type, is Int?.Type, is UInt64.Type: .integer
    case let type as any BareOption.Type: .optional(type.bareValue)
    default: .value
    }
  }
}

/// Options of which some say in another way what others say.
protocol ReplacingOptions: ParsableArguments {
  /// By option in kebab-case, those of a configuration file that a flag of it takes the place of, so
  /// that flags win also where the file says it in another way.
  static var replaced: [String: Set<String>] { get }
}

/// A type of option that may stand without a value.
protocol BareOption {
  /// The value that the bare option stands for.
  static var bareValue: String { get }
}

extension Optional: BareOption where Wrapped: BareOption {
  static var bareValue: String { Wrapped.bareValue }
}
