public import ArgumentParser
public import Diffusion
internal import Files
public import Training

extension LearningRateSchedule.Shape: ExpressibleByArgument {
  /// Its name, or MindONE's: `cosine_decay`, `polynomial_decay`, `linear_decay`.
  public init?(argument: String) {
    let name = argument.lowercased()
    self.init(rawValue: String(name.split(separator: "_").first ?? ""))
  }
}

extension WeightDecayGroups: ExpressibleByArgument {}

/// What training minimizes.
enum ObjectiveName: String, CaseIterable, ExpressibleByArgument {
  case ddpm
  case flow
  case meanflow
}

extension FlowWeighting: ExpressibleByArgument {}

/// The distribution of timesteps in training.
enum TimestepSampling: String, CaseIterable, ExpressibleByArgument {
  case uniform
  case logitNormal = "logit-normal"

  /// Its name, or that with an underscore.
  init?(argument: String) { self.init(rawValue: argument.replacing("_", with: "-")) }
}

/// Whether the loss scale changes during training.
enum LossScalerType: String, CaseIterable, ExpressibleByArgument {
  case dynamic
  case `static`
}

/// Two comma-separated numbers.
struct NumberPair: ExplainedArgument {
  static let expectation = "two comma-separated numbers, such as 0.9,0.999"
  let first: Double
  let second: Double

  init(_ first: Double, _ second: Double) {
    self.first = first
    self.second = second
  }

  init?(argument: String) {
    let numbers = argument.split(separator: ",").compactMap {
      Double($0.filter { !$0.isWhitespace && $0 != "[" && $0 != "]" })
    }
    guard numbers.count == 2 else { return nil }
    self.init(numbers[0], numbers[1])
  }

  var defaultValueDescription: String { "\(first),\(second)" }
}

/// `--resume`, or `--resume CHECKPOINT`.
struct ResumeArgument: ExpressibleByArgument, BareOption {
  static let bareValue = "latest"
  /// The checkpoint's folder; nil for the newest of the run.
  let checkpoint: String?

  init?(argument: String) {
    let isEmptyRun =
      Folder.hasFile(argument + "/" + TrainCommand.settingsName)
      && RunDirectory.savedCheckpoints(of: argument).isEmpty
    checkpoint =
      argument == Self.bareValue || isEmptyRun ? nil : RunDirectory.checkpoint(at: argument)
  }

  var defaultValueDescription: String { checkpoint ?? Self.bareValue }
}
