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
  /// Whether the command takes arguments without a name, one of which may stand after a bare option.
  private(set) var takesOperands = false
  private var expectations: [String: Expectation] = [:]
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
        let name = OptionTable.kebab(String(label.dropFirst()))
        kinds[name] = option.kind
        expectations[name] = option.expectation
      } else if child.value is any OperandLike {
        takesOperands = true
      }
    }
  }

  /// What is wrong with a value of an option, where more can be said than the parser does: the value
  /// and what it must be; nil for nothing.
  func fault(_ name: String, _ value: String) -> String? {
    guard let expectation = expectations[name], !expectation.accepts(value) else { return nil }
    return "'\(value)': must be \(expectation.words)"
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

/// An argument without a name, whatever its type.
private protocol OperandLike {}

extension Argument: OperandLike {}

/// What the value of an option must be.
private struct Expectation {
  /// In words.
  let words: String
  /// Whether a value is so.
  let accepts: (String) -> Bool

  init(_ words: String, accepts: @escaping (String) -> Bool) {
    self.words = words
    self.accepts = accepts
  }
}

/// A type of option whose values need a word of explanation.
protocol ExplainedArgument: ExpressibleByArgument {
  /// What a value must be, with an example.
  static var expectation: String { get }
}

/// An option, whatever its type.
private protocol OptionLike {
  var kind: OptionTable.Kind { get }
  var expectation: Expectation? { get }
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

extension Option {
  fileprivate var expectation: Expectation? {
    switch Value.self {
    case is Bool.Type, is Bool?.Type:
      Expectation("true or false") { Arguments.boolean($0) != nil }
    case is Int.Type, is Int?.Type: Expectation("a whole number") { Int($0) != nil }
    case is UInt64.Type: Expectation("a whole number, 0 at least") { UInt64($0) != nil }
    case is Double.Type, is Double?.Type: Expectation("a number") { Double($0) != nil }
    case let type as any ExplainedArgument.Type:
      Expectation(type.expectation) { type.init(argument: $0) != nil }
    default: nil
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
