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

/// `none`, or `taylor:N`.
struct FeatureCacheArgument: ExplainedArgument {
  static let expectation =
    "none, or taylor:N with N from \(FeatureCache.intervals.lowerBound) to"
    + " \(FeatureCache.intervals.upperBound), such as taylor:3"
  let cache: FeatureCache

  init(_ cache: FeatureCache) { self.cache = cache }

  init?(argument: String) {
    guard let cache = FeatureCache(argument) else { return nil }
    self.cache = cache
  }

  var defaultValueDescription: String { cache.description }
}

/// `3`, another number of channels, or `all`.
struct GuidedChannelsArgument: ExplainedArgument {
  static let expectation = "a number of channels, 1 at least, or all"
  let channels: GuidedChannels

  init(_ channels: GuidedChannels) { self.channels = channels }

  init?(argument: String) {
    guard let channels = GuidedChannels(argument) else { return nil }
    self.channels = channels
  }

  var defaultValueDescription: String { channels.description }
}

/// Two positions on the way from data to noise.
struct GuidanceIntervalArgument: ExplainedArgument {
  static let expectation = "two numbers from 0 to 1, the lower one first, such as 0,0.7"
  let interval: GuidanceInterval

  init(_ interval: GuidanceInterval) { self.interval = interval }

  init?(argument: String) {
    guard let interval = GuidanceInterval(argument) else { return nil }
    self.interval = interval
  }

  var defaultValueDescription: String { interval.description }
}
