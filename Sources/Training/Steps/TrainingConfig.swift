public import Diffusion
public import Torch

/// The recipe of a training run: batches, optimizer, number format.
public struct TrainingConfig: Sendable, Codable {
  /// Rows of a micro-batch on one device.
  public var batchSize = 64
  /// Micro-batches of a step, on each rank.
  public var accumulationCount = 1
  /// The seed of weights, data order and all random numbers.
  public var seed: UInt64 = 3407
  /// The share of labels replaced by the null class.
  public var labelDropout = 0.1
  /// What is minimized.
  public var objective = TrainingObjective.ddpm(weighting: .uniform)
  /// The distribution of timesteps.
  public var timesteps = TimestepDistribution.uniform

  /// Learning rate over the steps.
  public var schedule = LearningRateSchedule(start: 1e-4)
  /// The share of the first moment that stays at a step.
  public var beta1 = 0.9
  /// The share of the second moment that stays at a step.
  public var beta2 = 0.999
  /// Added to the root of the second moment.
  public var epsilon = 1e-8
  /// Decoupled weight decay.
  public var weightDecay = 0.0
  /// The parameters that decay.
  public var decayGroups = WeightDecayGroups.all
  /// The largest gradient norm; nil for no clipping.
  public var maximumGradientNorm: Double?

  /// The share of the moving average that stays at a step; nil for no average.
  public var emaDecay: Double? = 0.9999
  /// Whether the average follows faster at first: its decay at step n, from 1, is min(decay, (1 + n) /
  /// (10 + n)). If nil, a `TrainingSession` decides: a new run warms up if it has fewer than 5 / (1 -
  /// decay) steps, and a resumed one goes on as it began; a `Trainer` alone does not warm up.
  public var emaWarmsUp: Bool?

  /// The number format of matrix products: float32, bfloat16 or float16.
  public var dtype = DType.float32
  /// How the loss is scaled in float16.
  public var lossScaling = LossScaling.dynamic(initial: 65536, factor: 2, window: 2000)
  /// Whether a step with gradients that are not finite is skipped.
  public var skipsOverflow = true
  /// The blocks that are recomputed in the backward pass.
  public var recompute = Recompute.none
  /// Whether the optimizer's state is divided among the ranks.
  public var shardsOptimizer = false
  /// Whether the next micro-batch is loaded and sent while the device computes; for a GPU.
  public var prefetches = false
  /// Whether whole steps are recorded as a graph, if the device can; for one process and steps of one
  /// micro-batch.
  public var recordsSteps = false
  /// Parts of the names of parameters that are not trained.
  public var frozen: [String] = []

  /// The published recipe.
  public init() {}

  /// Whether a run is so short that the average would still be, to some part, the weights from before
  /// the first step: exp(-5) of it, 0.7 %, after 5 / (1 - decay) steps.
  func isShortForAverage(stepCount: Int) -> Bool {
    emaDecay.map { Double(stepCount) * (1 - $0) < 5 } ?? false
  }

  /// Rows of a step, over all ranks.
  public func globalBatchSize(rankCount: Int) -> Int { batchSize * accumulationCount * rankCount }
}

/// The parameters that weight decay acts on.
public enum WeightDecayGroups: String, Sendable, Codable, CaseIterable {
  /// All parameters.
  case all
  /// All except biases; the norms of a DiT have no parameters.
  case withoutBiases = "norm_and_bias"

  /// Whether a parameter decays.
  public func covers(_ name: String) -> Bool { self == .all || !name.hasSuffix("bias") }
}

/// The blocks that keep only their input for the backward pass, and are recomputed in it (Chen et al.
/// 2016).
public enum Recompute: Sendable, Codable, Equatable {
  /// No block.
  case none
  /// All blocks.
  case all
  /// Every k-th block.
  case every(Int)

  /// Whether a block is recomputed.
  func covers(_ block: Int) -> Bool {
    switch self {
    case .none: false
    case .all: true
    case .every(let count): block.isMultiple(of: count)
    }
  }
}
