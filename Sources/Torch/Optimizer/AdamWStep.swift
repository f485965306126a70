/// The numbers of one step of AdamW: as `Double`, or as scalars on a device (`Tensor`, float32), which
/// a recorded step reads anew each time.
public struct AdamWStep<Scalar> {
  /// The learning rate.
  public var learningRate: Scalar
  /// The number of the step, from 1.
  public var number: Scalar
  /// Divides the gradients.
  public var lossScale: Scalar
  /// Multiplies the gradients.
  public var clipping: Scalar
  /// The share of the weights in their moving average: 1 minus its decay.
  public var emaWeight: Scalar
  /// 1 for a step that changes nothing, else 0.
  public var skipUpdate: Scalar

  /// All numbers of a step.
  public init(
    learningRate: Scalar, number: Scalar, lossScale: Scalar, clipping: Scalar, emaWeight: Scalar,
    skipUpdate: Scalar
  ) {
    self.learningRate = learningRate
    self.number = number
    self.lossScale = lossScale
    self.clipping = clipping
    self.emaWeight = emaWeight
    self.skipUpdate = skipUpdate
  }
}

extension AdamWStep: Sendable where Scalar: Sendable {}

extension AdamWStep<Double> {
  /// All numbers in one tensor, `[6]`, float32, for `AdamWStep<Tensor>.init(packed:)`.
  public var packed: Tensor {
    Tensor([learningRate, number, lossScale, clipping, emaWeight, skipUpdate]).to(.float32)
  }
}

extension AdamWStep<Tensor> {
  /// Views of the numbers in `packed`, `[6]`.
  public init(packed: Tensor) {
    self.init(
      learningRate: packed[0], number: packed[1], lossScale: packed[2], clipping: packed[3],
      emaWeight: packed[4], skipUpdate: packed[5])
  }
}

/// The constants of AdamW that stay from step to step.
public struct AdamWCoefficients: Sendable {
  /// How much of the first moment stays.
  public var beta1: Double
  /// How much of the second moment stays.
  public var beta2: Double
  /// Added to the root of the second moment.
  public var epsilon: Double

  /// All constants.
  public init(beta1: Double, beta2: Double, epsilon: Double) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }
}

/// One parameter and its state in AdamW: contiguous tensors of one shape, float32.
public struct OptimizerSlot {
  /// Updated by a step.
  public var parameter: Tensor
  /// The gradient of a step.
  public var gradient: Tensor
  /// The first moment, updated.
  public var firstMoment: Tensor
  /// The second moment, updated.
  public var secondMoment: Tensor
  /// The moving average of the parameter, updated; nil for none.
  public var ema: Tensor?
  /// The weight decay.
  public var weightDecay: Double

  /// A parameter with its state.
  public init(
    parameter: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, ema: Tensor?,
    weightDecay: Double
  ) {
    self.parameter = parameter
    self.gradient = gradient
    self.firstMoment = firstMoment
    self.secondMoment = secondMoment
    self.ema = ema
    self.weightDecay = weightDecay
  }
}
