public import ArgumentParser
public import Diffusion
public import Inference
public import Models
internal import Torch

extension StateDicts.NormNames: ExpressibleByArgument {}

extension SamplingMethod: ExpressibleByArgument {
  /// Its name, in any case.
  public init?(argument: String) { self.init(named: argument.lowercased()) }

  /// The names of all methods.
  public static var allValueStrings: [String] { all.map(\.name) }

  /// The names, for the shell.
  public static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }

  /// The default number of steps of each method, for `--help`.
  static var stepCountText: String {
    let counts = all.map { method in
      "\(method.defaultStepCount.map(String.init) ?? "adaptive") for \(method)"
    }
    return counts.joined(separator: ", ")
  }

  /// The default spacing of the methods, for `--help`.
  static var spacingText: String {
    let names = TimestepSpacing.allCases.map { spacing in
      let users = all.filter { method in
        method.defaultStepCount.map { method.defaultSpacing(forSteps: $0) == spacing } ?? false
      }
      return (spacing, users.map(\.name).joined(separator: ", "))
    }
    return names.filter { !$0.1.isEmpty }.map { "\($0.0.rawValue) for \($0.1)" }
      .joined(separator: "; ")
  }

  /// The methods that read an option.
  static func reading(_ option: SamplerOptions.Key) -> [SamplingMethod] {
    all.filter { $0.options.contains(option) }
  }
}

extension TimestepSpacing: ExpressibleByArgument {}
extension FlowPath.Shape: ExpressibleByArgument {}
extension Flow.Prediction: ExpressibleByArgument {}
extension DiffusionForm: ExpressibleByArgument {}
extension LastStep: ExpressibleByArgument {}

/// A family of models, or `auto`.
struct FamilyArgument: ExpressibleByArgument {
  /// nil for `auto`.
  let family: ModelFamily?

  init(_ family: ModelFamily?) { self.family = family }

  init?(argument: String) {
    let name = argument.lowercased()
    family = ModelFamily(rawValue: name)
    guard family != nil || name == "auto" else { return nil }
  }

  static var allValueStrings: [String] { ["auto"] + ModelFamily.allCases.map(\.rawValue) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  var defaultValueDescription: String { family?.rawValue ?? "auto" }
}

extension Precision: ExpressibleByArgument {
  /// Its name, or PyTorch's name of the type, in any case.
  public init?(argument: String) {
    self.init(name: DType.shortName(argument))
  }

  /// The values of `--precision`.
  public static var allValueStrings: [String] {
    allCases.filter { $0 != .int8WithFloatFC2 }.map(\.name)
  }

  /// Its name on the command line.
  public var defaultValueDescription: String { name }
}

extension ExecutionMode: ExpressibleByArgument {
  /// Its name, or MindSpore's number for it.
  public init?(argument: String) {
    let known = ["0": "graph", "1": "eager"]
    self.init(rawValue: known[argument] ?? argument.lowercased())
  }
}

extension DiTBlockPreset: ExpressibleByArgument {}

extension DiTPreset: ExpressibleByArgument {
  /// Its name, in any case, or SiT's name of the same size.
  public init?(argument: String) {
    let name = argument.lowercased()
    let own = name.hasPrefix("sit-") ? "dit-" + name.dropFirst(4) : name
    guard let preset = DiTPreset.allCases.first(where: { $0.rawValue.lowercased() == own })
    else { return nil }
    self = preset
  }
}

/// A value whose text says all of it.
protocol WrittenValue: LosslessStringConvertible {
  /// The form of its text, with an example; follows "must be".
  static var expectation: String { get }
}

/// An option with such a value.
struct WrittenArgument<Value: WrittenValue>: ExplainedArgument {
  static var expectation: String { Value.expectation }
  let value: Value

  init(_ value: Value) { self.value = value }

  init?(argument: String) {
    guard let value = Value(argument) else { return nil }
    self.value = value
  }

  var defaultValueDescription: String { value.description }
}

extension FeatureCache: WrittenValue {
  static var expectation: String {
    "none, or taylor:N with N from \(intervals.lowerBound) to \(intervals.upperBound), such as taylor:3"
  }
}

extension GuidedChannels: WrittenValue {
  static var expectation: String { "a number of channels, 1 at least, or all" }
}

extension GuidanceInterval: WrittenValue {
  static var expectation: String {
    "two numbers from 0 to 1, the lower one first, such as 0,0.7"
  }
}
