public import Diffusion
public import Torch

/// Everything that decides what a training run computes.
public struct TrainingConfig: Sendable {
  /// Rows of a micro-batch on one device.
  public var batchSize = 64
  /// Micro-batches whose gradients make one step, on each rank.
  public var accumulationCount = 1
  /// The seed of weights, data order and random draws.
  public var seed: UInt64 = 3407
  /// The share of labels that become the null class.
  public var labelDropout = 0.1
  /// How much each timestep's squared error counts.
  public var weighting = LossWeighting.uniform
  /// How timesteps are drawn.
  public var timesteps = TimestepDistribution.uniform

  /// Learning rate over the steps.
  public var schedule = LearningRateSchedule(start: 1e-4)
  /// How much of the first moment stays.
  public var beta1 = 0.9
  /// How much of the second moment stays.
  public var beta2 = 0.999
  /// Added to the root of the second moment.
  public var epsilon = 1e-8
  /// Decoupled weight decay.
  public var weightDecay = 0.0
  /// Which parameters decay.
  public var decayGroups = WeightDecayGroups.all
  /// The largest gradient norm; nil for no clipping.
  public var maximumGradientNorm: Double?

  /// How much of the moving average stays at a step; nil for no average.
  public var emaDecay: Double? = 0.9999
  /// Whether the average follows faster at first: min(decay, (1 + n) / (10 + n)).
  public var emaWarmsUp = false

  /// What matrix products compute in: float32, bfloat16 or float16.
  public var dtype = DType.float32
  /// How the loss is scaled in float16.
  public var lossScaling = LossScaling.dynamic(initial: 65536, factor: 2, window: 2000)
  /// Whether a step with gradients that are not finite is left out.
  public var skipsOverflow = true
  /// Which blocks are computed again in the backward pass.
  public var recompute = Recompute.none
  /// Whether the optimizer's state is divided among the ranks.
  public var shardsOptimizer = false
  /// Whether the next micro-batch is loaded and sent to the device while the device computes; for one
  /// that computes by itself.
  public var prefetches = false
  /// Whether a device that can records the whole step; only in one process and for steps of one
  /// micro-batch.
  public var recordsSteps = false
  /// Parameters that stay as they are: their names contain one of these.
  public var frozen: [String] = []

  /// The published recipe.
  public init() {}
}

/// How timesteps are drawn.
public enum TimestepDistribution: Sendable, Equatable {
  /// Each as often as any other.
  case uniform
  /// The logistic function of a normal number (Esser et al. 2024, section 3.1).
  case logitNormal(mean: Double, deviation: Double)
}

/// Which parameters weight decay acts on.
public enum WeightDecayGroups: String, Sendable, CaseIterable {
  /// All of them.
  case all
  /// All but biases; the norms of a DiT have no parameters.
  case withoutBiases = "norm_and_bias"

  /// Whether a parameter decays.
  public func covers(_ name: String) -> Bool { self == .all || !name.hasSuffix("bias") }
}

/// Which blocks keep nothing for the backward pass but their input (Chen et al. 2016).
public enum Recompute: Sendable, Equatable {
  case none
  case all
  /// Every k-th block.
  case every(Int)

  /// Whether a block is computed again.
  func covers(_ block: Int) -> Bool {
    switch self {
    case .none: false
    case .all: true
    case .every(let count): block.isMultiple(of: count)
    }
  }
}

/// Why training cannot start or go on.
public struct TrainingError: Error, CustomStringConvertible, Equatable {
  /// What is wrong and what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  /// Makes an error.
  public init(_ message: String) { self.message = message }
}
