private enum DeviceOptimization {
  static let adamW = Operator("aten::_fused_adamw_.tensor_lr")
  static let approach = Operator("aten::lerp_.Tensor")
}

/// The constants of one step of AdamW, of which those that differ from step to step lie on the device,
/// so that a recorded step reads those of each time.
public struct DeviceAdamWStep {
  /// The learning rate, a float32 scalar.
  public var learningRate: Tensor
  /// The number of the step, from 1, a float32 scalar.
  public var number: Tensor
  /// What gradients are divided by first, a loss scale over a factor of clipping; a float32 scalar.
  public var gradientDivisor: Tensor
  /// How far averages move towards the weights, a float32 scalar.
  public var emaWeight: Tensor
  /// 1 where nothing is to change, else 0; a float32 scalar.
  public var skipUpdate: Tensor
  /// How much of the first moment stays.
  public var beta1: Double
  /// How much of the second moment stays.
  public var beta2: Double
  /// Added to the root of the second moment.
  public var epsilon: Double

  /// All constants.
  public init(
    learningRate: Tensor, number: Tensor, gradientDivisor: Tensor, emaWeight: Tensor,
    skipUpdate: Tensor, beta1: Double, beta2: Double, epsilon: Double
  ) {
    self.learningRate = learningRate
    self.number = number
    self.gradientDivisor = gradientDivisor
    self.emaWeight = emaWeight
    self.skipUpdate = skipUpdate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }
}

/// One step of AdamW as `adamWInPlace` takes it, by libtorch's operators on any device, in which no
/// number is looked at.
///
/// - Parameters:
///   - parameters: float32, contiguous.
///   - gradients: of their shapes; divided in place.
///   - firstMoments: of their shapes, updated.
///   - secondMoments: of their shapes, updated.
///   - ema: of their shapes, updated; empty for none.
///   - weightDecays: a number for each parameter.
///   - step: the constants, on the device of the parameters.
public func adamWInPlace(
  _ parameters: [Tensor], gradients: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor],
  ema: [Tensor], weightDecays: [Double], step: DeviceAdamWStep
) {
  // One call for the parameters of each weight decay.
  for decay in Set(weightDecays).sorted() {
    let places = parameters.indices.filter { weightDecays[$0] == decay }
    func some(_ tensors: [Tensor]) -> Argument { .tensors(places.map { tensors[$0] }) }
    _ = DeviceOptimization.adamW.results(
      some(parameters), some(gradients), some(firstMoments), some(secondMoments), .tensors([]),
      .tensors(places.map { _ in step.number }), .tensor(step.learningRate), .double(step.beta1),
      .double(step.beta2), .double(decay), .double(step.epsilon), .bool(false), .bool(false),
      .tensor(step.gradientDivisor), .tensor(step.skipUpdate), count: 0)
  }
  let weight = step.emaWeight * (-step.skipUpdate + 1)
  for (average, parameter) in zip(ema, parameters) {
    DeviceOptimization.approach(.tensor(average), .tensor(parameter), .tensor(weight))
  }
}
