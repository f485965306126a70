public import Torch

/// The numbers of one optimizer step.
public struct StepReport: Sendable {
  /// The number of the step, from 1.
  public var step: Int
  /// The mean loss over the rows of all ranks.
  public var loss: Double
  /// The squared error in it.
  public var squaredError: Double
  /// The variational bound in it; nil for a fixed variance.
  public var variationalBound: Double?
  /// The gradient's norm before clipping.
  public var gradientNorm: Double
  /// The learning rate.
  public var learningRate: Double
  /// The loss scale; 1 except in float16.
  public var lossScale: Double
  /// Whether the step changed nothing, as a number was not finite.
  public var wasSkipped: Bool
  /// The duration of the step.
  public var seconds: Double
  /// How long it waited for data, in the mean over the ranks.
  public var waitSeconds: Double
  /// Model-FLOPs utilization (Chowdhery et al. 2022, appendix B): the model's operations a second,
  /// recomputation not counted, over what matrix products alone reach on this device.
  public var utilization: Double
  /// How long gradients were added up over the ranks; nil for one process.
  public var exchange: GradientBuckets.Exchange?
  /// Whether a rank was asked to stop during the step; all ranks agree.
  public var shouldStop: Bool
  /// Squared errors over all ranks, by noise; of several ranks sums and counts are divided by their
  /// number.
  public var errorsByNoise = NoiseLevelErrors()
}

/// The numbers of a trainer that a checkpoint keeps.
public struct TrainerState: Sendable, Codable, Equatable {
  var step: Int
  var optimizerStepCount: Int
  var lossScale: Double
  var goodStepCount: Int
  /// How the loss was scaled; nil in files of earlier versions.
  var scaling: LossScaling?
  /// The state of the generator of random numbers.
  var generator: [UInt8]
  /// The moving average's recipe; nil without one, and in files of earlier versions.
  var ema: Average?

  /// How the weights are averaged.
  struct Average: Sendable, Codable, Equatable {
    /// The share that stays at a step.
    var decay: Double
    /// Whether it follows faster at first.
    var warmsUp: Bool
    /// The share of the average that is still the weights from before the first step; nil in files of
    /// earlier versions.
    var startShare: Double?
  }
}
