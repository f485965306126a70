private enum Adaptive {
  static let norm = Operator("dit::adaptive_norm")
  static let add = Operator("dit::gated_add")
  static let addAndNorm = Operator("dit::gated_add_norm")
}

/// Adaptive layer norm: norm(x) (1 + scale) + shift, with a scale and shift for each image.
///
/// Source: adaLN, Peebles & Xie 2023, section 3.2. Differentiable; one pass over memory on a processor,
/// and on a GPU with our library.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - shift: `[N, 1, D]`
///   - scale: `[N, 1, D]`
///   - epsilon: added to the variance.
/// - Returns: `[N, T, D]`, float32; in mixed precision on a GPU the type of the next linear layer.
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

/// The gated residual of adaLN-Zero: x + gate y.
///
/// Source: Peebles & Xie 2023, section 3.2. Differentiable; one pass like `adaptiveNorm`.
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

/// `gatedAdd`, then `adaptiveNorm` of the sum, in one pass.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - y: `[N, T, D]`
///   - gate: `[N, 1, D]`
///   - shift: `[N, 1, D]`
///   - scale: `[N, 1, D]`
///   - epsilon: added to the variance.
/// - Returns: the sum and its norm, `[N, T, D]` each.
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

/// The type of all vectors, and of branches, that the kernels take: on a GPU the type that the linear
/// layer gave them.
private func vectorType(for x: Tensor, of vector: Tensor) -> DType {
  x.isCPU || !OwnOperators.isServedByCUDA(vector.dtype, width: vector.size(-1))
    ? .float32 : vector.dtype
}
