/// The settings of AdamW and of the moving average of the weights.
public struct AdamWConfig: Sendable, Equatable {
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
  /// The share of the moving average that stays at a step; nil for no average.
  public var emaDecay: Double?
  /// Whether the average follows faster at first: its decay at step n, from 1, is min(decay, (1 + n) /
  /// (10 + n)), as in TensorFlow's `ExponentialMovingAverage` and, one step later, diffusers' `EMAModel`.
  public var emaWarmsUp = false
  /// Whether the state is divided among the ranks.
  public var isSharded = false

  /// PyTorch's defaults, without a moving average.
  public init() {}
}

extension TrainingConfig {
  /// The optimizer's part of the recipe.
  public var adamW: AdamWConfig {
    var config = AdamWConfig()
    (config.beta1, config.beta2, config.epsilon) = (beta1, beta2, epsilon)
    (config.weightDecay, config.decayGroups) = (weightDecay, decayGroups)
    (config.emaDecay, config.emaWarmsUp) = (emaDecay, emaWarmsUp ?? false)
    config.isSharded = shardsOptimizer
    return config
  }
}
