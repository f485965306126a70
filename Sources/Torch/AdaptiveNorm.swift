private enum Adaptive {
  static let norm = Operator("dit::adaptive_norm")
  static let add = Operator("dit::gated_add")
}

/// Normalizes tokens and applies a scale and shift of their row: norm(x) (1 + scale) + shift.
///
/// Source: adaLN, Peebles & Xie 2023, section 3.2. Differentiable; one pass on a processor.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - shift: `[N, 1, D]`
///   - scale: `[N, 1, D]`
///   - epsilon: added to the variance.
/// - Returns: `[N, T, D]`, float32 on a processor.
public func adaptiveNorm(
  _ x: Tensor, shift: Tensor, scale: Tensor, epsilon: Double
) -> Tensor {
  guard x.isCPU, OwnOperators.serve(x) else {
    return shift.addingProduct(layerNorm(x, epsilon: epsilon), scale + 1)
  }
  return Adaptive.norm(
    .tensor(x.contiguous), .tensor(shift.to(.float32)), .tensor(scale.to(.float32)),
    .double(epsilon))
}

/// x + gate y, the residual of adaLN-Zero.
///
/// Source: Peebles & Xie 2023, section 3.2. Differentiable; one pass on a processor.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - y: `[N, T, D]`
///   - gate: `[N, 1, D]`
/// - Returns: `[N, T, D]`
public func gatedAdd(_ x: Tensor, _ y: Tensor, gate: Tensor) -> Tensor {
  guard x.isCPU, OwnOperators.serve(x) else { return x.addingProduct(gate, y) }
  return Adaptive.add(
    .tensor(x.contiguous), .tensor(y.to(.float32).contiguous), .tensor(gate.to(.float32)))
}
