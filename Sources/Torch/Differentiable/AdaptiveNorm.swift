private enum Adaptive {
  static let norm = Operator("dit::adaptive_norm")
  static let add = Operator("dit::gated_add")
  static let addAndNorm = Operator("dit::gated_add_norm")
}

/// Normalizes tokens and applies a scale and shift of their row: norm(x) (1 + scale) + shift.
///
/// Source: adaLN, Peebles & Xie 2023, section 3.2. Differentiable; one pass on a processor, and on a
/// GPU with our library.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - shift: `[N, 1, D]`
///   - scale: `[N, 1, D]`
///   - epsilon: added to the variance.
/// - Returns: `[N, T, D]`, float32 on a processor; on a GPU, under mixed precision, for a linear layer
///   to take: in the lower precision, or float32.
public func adaptiveNorm(
  _ x: Tensor, shift: Tensor, scale: Tensor, epsilon: Double
) -> Tensor {
  guard OwnOperators.serveTraining(x) else {
    return shift.addingProduct(layerNorm(x, epsilon: epsilon), scale + 1)
  }
  let type = vectorType(for: x, of: shift)
  return Adaptive.norm(
    .tensor(x.contiguous), .tensor(shift.to(type)), .tensor(scale.to(type)), .double(epsilon))
}

/// x + gate y, the residual of adaLN-Zero.
///
/// Source: Peebles & Xie 2023, section 3.2. Differentiable; one pass where `adaptiveNorm` is.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - y: `[N, T, D]`
///   - gate: `[N, 1, D]`
/// - Returns: `[N, T, D]`
public func gatedAdd(_ x: Tensor, _ y: Tensor, gate: Tensor) -> Tensor {
  guard OwnOperators.serveTraining(x) else { return x.addingProduct(gate, y) }
  let type = vectorType(for: x, of: gate)
  return Adaptive.add(.tensor(x.contiguous), .tensor(y.to(type).contiguous), .tensor(gate.to(type)))
}

/// The residual of adaLN-Zero and the norm that follows it within a block, in one pass where
/// `adaptiveNorm` is.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - y: `[N, T, D]`
///   - gate: `[N, 1, D]`
///   - shift: `[N, 1, D]`
///   - scale: `[N, 1, D]`
///   - epsilon: added to the variance.
/// - Returns: what `gatedAdd` gives, and what `adaptiveNorm` makes of that.
public func gatedAddAndNorm(
  _ x: Tensor, _ y: Tensor, gate: Tensor, shift: Tensor, scale: Tensor, epsilon: Double
) -> (sum: Tensor, norm: Tensor) {
  guard OwnOperators.serveTraining(x) else {
    let sum = gatedAdd(x, y, gate: gate)
    return (sum, adaptiveNorm(sum, shift: shift, scale: scale, epsilon: epsilon))
  }
  let type = vectorType(for: x, of: gate)
  let results = Adaptive.addAndNorm.results(
    .tensor(x.contiguous), .tensor(y.to(type).contiguous), .tensor(gate.to(type)),
    .tensor(shift.to(type)), .tensor(scale.to(type)), .double(epsilon), count: 2)
  return (results[0], results[1])
}

/// The one type in which the kernels take what is added to tokens, and all their vectors: on a GPU
/// that of the linear layer which made them.
private func vectorType(for x: Tensor, of vector: Tensor) -> DType {
  x.isCPU || !OwnOperators.isServedByCUDA(vector.dtype, width: vector.size(-1))
    ? .float32 : vector.dtype
}
