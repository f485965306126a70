internal import ArgumentParser

/// The options of a command, read from its declaration. Each is also a key of its configuration file.
struct OptionTable {
  /// The kind of value that an option takes.
  enum Kind {
    /// A value.
    case value
    /// A whole number.
    case integer
    /// `true` or `false`; true without a value.
    case boolean
    /// Classes by number or name.
    case classes
    /// A value that may be left out, with the word that then stands for it.
    case optional(String)
  }

  /// By name, in kebab-case without leading dashes.
  private(set) var kinds: [String: Kind] = [:]
  /// Whether the command takes operands, which may follow an option without a value.
  private(set) var takesOperands = false
  /// Keys of a run's record that are no options; in a configuration file they change nothing.
  var recordKeys: Set<String> { recorded?.recordKeys ?? [] }
  /// The command, if it writes records.
  private(set) var recorded: (any RecordedCommand.Type)?
  private var expectations: [String: Expectation] = [:]
  /// For each option, the configuration keys that its flag overrides.
  private(set) var replaced: [String: Set<String>] = [:]

  init(_ command: any ParsableArguments.Type) { add(command) }

  private mutating func add(_ arguments: any ParsableArguments.Type) {
    if let group = arguments as? any ReplacingOptions.Type {
      replaced.merge(group.replaced) { $0.union($1) }
    }
    if let command = arguments as? any RecordedCommand.Type { recorded = command }
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

  /// What is wrong with a value, in more detail than the parser gives; nil if nothing is.
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

/// An operand, whatever its type.
private protocol OperandLike {}

extension Argument: OperandLike {}

/// The form of an option's value.
private struct Expectation {
  /// For messages: "must be" and these.
  let words: String
  /// Whether a value has this form.
  let accepts: (String) -> Bool

  init(_ words: String, accepts: @escaping (String) -> Bool) {
    self.words = words
    self.accepts = accepts
  }
}

/// A type of option that describes its values in messages.
protocol ExplainedArgument: ExpressibleByArgument {
  /// The form of a value, with an example; follows "must be".
  static var expectation: String { get }
}

/// An optional value of such a type.
private protocol OptionalExplained {
  static var explained: any ExplainedArgument.Type { get }
}

extension Optional: OptionalExplained where Wrapped: ExplainedArgument {
  fileprivate static var explained: any ExplainedArgument.Type { Wrapped.self }
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
    case is ClassListArgument?.Type: .classes
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
    case let type as any OptionalExplained.Type:
      Expectation(type.explained.expectation) { type.explained.init(argument: $0) != nil }
    default: nil
    }
  }
}

/// Options that overlap: a flag of one overrides configuration keys of another.
protocol ReplacingOptions: ParsableArguments {
  /// For each option, the configuration keys that its flag overrides, e.g. `--epochs` overrides
  /// `max_steps`.
  static var replaced: [String: Set<String>] { get }
}

/// A command that writes a record of its settings, which can be given back as its configuration file.
protocol RecordedCommand: ParsableArguments {
  /// Keys of the record that are no options, in kebab-case.
  static var recordKeys: Set<String> { get }

  /// Whose records the command takes as its own.
  ///
  /// - Parameter names: the options that are given, in kebab-case.
  /// - Returns: the command that writes them.
  static func origin(given names: Set<String>) -> RecordOrigin
}

/// A type of option whose value may be left out.
protocol BareOption {
  /// The value of the option without a value.
  static var bareValue: String { get }
}

extension Optional: BareOption where Wrapped: BareOption {
  static var bareValue: String { Wrapped.bareValue }
}
