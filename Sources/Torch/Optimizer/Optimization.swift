private enum Optimization {
  static let adamW = Operator("dit::adamw_")
  static let totalNorm = Operator("dit::total_norm")
  static let norms = Operator("aten::_foreach_norm.Scalar")
  static let approach = Operator("aten::_foreach_lerp_.Scalar")
}

/// The constants of one step of AdamW.
public struct AdamWStep: Sendable {
  /// The learning rate.
  public var learningRate: Double
  /// How much of the first moment stays.
  public var beta1: Double
  /// How much of the second moment stays.
  public var beta2: Double
  /// Added to the root of the second moment.
  public var epsilon: Double
  /// The number of the step, from 1.
  public var number: Int
  /// What gradients are multiplied by first: clipping and loss scale.
  public var gradientScale: Double
  /// How much of the moving average stays.
  public var emaDecay: Double

  /// All constants.
  public init(
    learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, number: Int,
    gradientScale: Double, emaDecay: Double
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.number = number
    self.gradientScale = gradientScale
    self.emaDecay = emaDecay
  }
}

/// One step of AdamW (Loshchilov & Hutter 2019, algorithm 2) on all parameters, in place, with the
/// moving average of the weights in the same pass; on other devices than a processor by libtorch's
/// operators for many tensors at once, the average in a second pass.
///
/// - Parameters:
///   - parameters: float32, contiguous.
///   - gradients: of their shapes.
///   - firstMoments: of their shapes, updated.
///   - secondMoments: of their shapes, updated.
///   - ema: of their shapes, updated; empty for none.
///   - weightDecays: a number for each parameter.
///   - step: the constants.
public func adamWInPlace(
  _ parameters: [Tensor], gradients: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor],
  ema: [Tensor], weightDecays: [Double], step: AdamWStep
) {
  guard !parameters.isEmpty else { return }
  guard parameters.allSatisfy(\.device.hasProcessorKernels) else {
    return plainAdamWInPlace(
      parameters, gradients: gradients, firstMoments: firstMoments, secondMoments: secondMoments,
      ema: ema, weightDecays: weightDecays, step: step)
  }
  _ = Optimization.adamW.results(
    .tensors(parameters), .tensors(gradients), .tensors(firstMoments), .tensors(secondMoments),
    .tensors(ema), .doubles(weightDecays), .double(step.learningRate), .double(step.beta1),
    .double(step.beta2), .double(step.epsilon), .int(step.number), .double(step.gradientScale),
    .double(step.emaDecay), count: 0)
}

private func plainAdamWInPlace(
  _ parameters: [Tensor], gradients: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor],
  ema: [Tensor], weightDecays: [Double], step: AdamWStep
) {
  guard let device = parameters.first?.device else { return }
  func constant(_ value: Double) -> Tensor { .full([], value, dtype: .float32, device: device) }
  adamWInPlace(
    parameters, gradients: gradients, firstMoments: firstMoments, secondMoments: secondMoments,
    ema: [], weightDecays: weightDecays,
    step: DeviceAdamWStep(
      learningRate: constant(step.learningRate), number: constant(Double(step.number)),
      gradientDivisor: constant(1 / step.gradientScale), emaWeight: constant(0),
      skipUpdate: constant(0), beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon))
  guard !ema.isEmpty else { return }
  _ = Optimization.approach.results(
    .tensors(ema), .tensors(parameters), .double(1 - step.emaDecay), count: 0)
}

/// The Euclidean norm over all elements of all tensors.
///
/// - Returns: a float64 scalar, where the tensors lie.
public func totalNorm(_ tensors: [Tensor]) -> Tensor {
  guard !tensors.isEmpty else { return .zeros([], dtype: .float64) }
  guard !tensors.allSatisfy({ $0.isCPU && $0.dtype == .float32 && $0.isContiguous }) else {
    return Optimization.totalNorm(.tensors(tensors))
  }
  let norms = Optimization.norms.results(.tensors(tensors), 2, count: tensors.count)
  return stacked(norms).to(.float64).norm()
}
