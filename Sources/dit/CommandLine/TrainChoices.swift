public import ArgumentParser
public import Training

extension LearningRateSchedule.Shape: ExpressibleByArgument {
  /// Its name, also as MindONE has it: `cosine_decay`, `polynomial_decay`, `linear_decay`.
  public init?(argument: String) {
    let name = argument.lowercased()
    self.init(rawValue: String(name.split(separator: "_").first ?? ""))
  }
}

extension WeightDecayGroups: ExpressibleByArgument {}

/// How timesteps are drawn.
enum TimestepSampling: String, CaseIterable, ExpressibleByArgument {
  case uniform
  case logitNormal = "logit_normal"

  var distribution: TimestepDistribution {
    switch self {
    case .uniform: .uniform
    case .logitNormal: .logitNormal(mean: 0, deviation: 1)
    }
  }
}

/// How the loss scale behaves.
enum LossScalerType: String, CaseIterable, ExpressibleByArgument {
  case dynamic
  case `static`
}

/// Two numbers with a comma between.
struct NumberPair: ExplainedArgument {
  static let expectation = "two numbers with a comma between, such as 0.9,0.999"
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
    checkpoint =
      argument == Self.bareValue
      ? nil : RunDirectory.isRun(argument) ? argument + "/checkpoints/latest" : argument
  }

  var defaultValueDescription: String { checkpoint ?? Self.bareValue }
}
