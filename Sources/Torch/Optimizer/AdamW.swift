private enum Optimization {
  static let adamW = Operator("dit::adamw_")
  static let plainAdamW = Operator("aten::_fused_adamw_.tensor_lr")
  static let interpolate = Operator("aten::_foreach_lerp_.Scalar")
  static let interpolateOne = Operator("aten::lerp_.Tensor")
  static let totalNorm = Operator("dit::total_norm")
  static let norms = Operator("aten::_foreach_norm.Scalar")
}

/// Takes one step of AdamW (Loshchilov & Hutter 2019, algorithm 2) on all parameters, in place: on
/// the processor by our kernel, with the moving average in the same pass; elsewhere by libtorch's
/// operators for many tensors, with the moving average in a second pass.
///
/// - Parameters:
///   - slots: the parameters with their state; all or none have a moving average.
///   - coefficients: the constants of all steps.
///   - step: the numbers of this step.
public func adamWInPlace(
  _ slots: [OptimizerSlot], _ coefficients: AdamWCoefficients, step: AdamWStep<Double>
) {
  guard let device = slots.first?.parameter.device, step.skipUpdate == 0 else { return }
  guard slots.allSatisfy(\.parameter.device.capabilities.hasPackedKernels) else {
    return plainAdamWInPlace(slots, coefficients, step, on: device)
  }
  _ = Optimization.adamW.results(
    .tensors(slots.map(\.parameter)), .tensors(slots.map(\.gradient)),
    .tensors(slots.map(\.firstMoment)), .tensors(slots.map(\.secondMoment)),
    .tensors(slots.compactMap(\.ema)), .doubles(slots.map(\.weightDecay)),
    .double(step.learningRate), .double(coefficients.beta1), .double(coefficients.beta2),
    .double(coefficients.epsilon), .int(Int(step.number)),
    .double(step.clipping / step.lossScale), .double(step.emaWeight), count: 0)
}

private func plainAdamWInPlace(
  _ slots: [OptimizerSlot], _ coefficients: AdamWCoefficients, _ step: AdamWStep<Double>,
  on device: Device
) {
  func scalar(_ value: Double) -> Tensor { .full([], value, dtype: .float32, device: device) }
  updateInPlace(
    slots, coefficients, learningRate: scalar(step.learningRate), number: scalar(step.number),
    gradientDivisor: scalar(1 / (step.clipping / step.lossScale)), skipUpdate: scalar(0))
  let averages = slots.compactMap(\.ema)
  guard !averages.isEmpty else { return }
  _ = Optimization.interpolate.results(
    .tensors(averages), .tensors(slots.map(\.parameter)), .double(step.emaWeight), count: 0)
}

/// Takes one step of AdamW by libtorch's operators on any device, without a look at any number, so
/// that it can be part of a recorded step.
///
/// - Parameters:
///   - slots: the parameters with their state; gradients are divided in place.
///   - coefficients: the constants of all steps.
///   - step: the numbers of this step, on the device of the parameters.
public func adamWInPlace(
  _ slots: [OptimizerSlot], _ coefficients: AdamWCoefficients, step: AdamWStep<Tensor>
) {
  updateInPlace(
    slots, coefficients, learningRate: step.learningRate, number: step.number,
    gradientDivisor: step.lossScale / step.clipping, skipUpdate: step.skipUpdate)
  let weight = step.emaWeight * (-step.skipUpdate + 1)
  for slot in slots {
    guard let ema = slot.ema else { continue }
    Optimization.interpolateOne(.tensor(ema), .tensor(slot.parameter), .tensor(weight))
  }
}

/// Updates parameters and moments, with one call for the parameters of each weight decay.
private func updateInPlace(
  _ slots: [OptimizerSlot], _ coefficients: AdamWCoefficients, learningRate: Tensor,
  number: Tensor, gradientDivisor: Tensor, skipUpdate: Tensor
) {
  for decay in Set(slots.map(\.weightDecay)).sorted() {
    let group = slots.filter { $0.weightDecay == decay }
    _ = Optimization.plainAdamW.results(
      .tensors(group.map(\.parameter)), .tensors(group.map(\.gradient)),
      .tensors(group.map(\.firstMoment)), .tensors(group.map(\.secondMoment)), .tensors([]),
      .tensors(group.map { _ in number }), .tensor(learningRate), .double(coefficients.beta1),
      .double(coefficients.beta2), .double(decay), .double(coefficients.epsilon), .bool(false),
      .bool(false), .tensor(gradientDivisor), .tensor(skipUpdate), count: 0)
  }
}

/// The Euclidean norm over all elements of all tensors.
///
/// - Returns: a scalar on the device of the tensors, float64 where the device has it.
public func totalNorm(_ tensors: [Tensor]) -> Tensor {
  guard let device = tensors.first?.device else { return .zeros([], dtype: .float64) }
  let isOurs =
    OwnOperators.areBuilt
    && tensors.allSatisfy { $0.isCPU && $0.dtype == .float32 && $0.isContiguous }
  guard !isOurs else { return Optimization.totalNorm(.tensors(tensors)) }
  let norms = stacked(Optimization.norms.results(.tensors(tensors), 2, count: tensors.count))
  return (device.capabilities.float64 ? norms.to(.float64) : norms).norm()
}
