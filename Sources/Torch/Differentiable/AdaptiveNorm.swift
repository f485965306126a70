private enum Adaptive {
  static let norm = Operator("dit::adaptive_norm")
  static let add = Operator("dit::gated_add")
  static let addAndNorm = Operator("dit::gated_add_norm")
  static let rms = Operator("dit::adaptive_rms")
  static let addAndRMS = Operator("dit::gated_add_rms")

  /// Whether a kernel has the norm: of RMSNorm there are those of the processor alone.
  static func serve(_ kind: NormKind, _ x: Tensor) -> Bool {
    OwnOperators.serveTraining(x) && (kind == .layer || x.isCPU)
  }
}

/// Adaptive norm: norm(x) (1 + scale) + shift, with a scale and shift for each image.
///
/// Source: adaLN, Peebles & Xie 2023, section 3.2. Differentiable; one pass over memory on a processor,
/// and on a GPU with our library.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - shift: `[N, 1, D]`
///   - scale: `[N, 1, D]`
///   - epsilon: added to the variance, or to the mean square.
///   - kind: the norm.
/// - Returns: `[N, T, D]`, float32; in mixed precision on a GPU the type of the next linear layer.
public func adaptiveNorm(
  _ x: Tensor, shift: Tensor, scale: Tensor, epsilon: Double, by kind: NormKind = .layer
) -> Tensor {
  guard Adaptive.serve(kind, x) else {
    return shift.addingProduct(tokenNorm(kind, x, epsilon: epsilon), scale + 1)
  }
  let type = vectorType(for: x, of: shift)
  let kernel = kind == .layer ? Adaptive.norm : Adaptive.rms
  return kernel(
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
///   - epsilon: added to the variance, or to the mean square.
///   - kind: the norm.
/// - Returns: the sum and its norm, `[N, T, D]` each.
public func gatedAddAndNorm(
  _ x: Tensor, _ y: Tensor, gate: Tensor, shift: Tensor, scale: Tensor, epsilon: Double,
  by kind: NormKind = .layer
) -> (sum: Tensor, norm: Tensor) {
  guard Adaptive.serve(kind, x) else {
    let sum = gatedAdd(x, y, gate: gate)
    return (sum, adaptiveNorm(sum, shift: shift, scale: scale, epsilon: epsilon, by: kind))
  }
  let type = vectorType(for: x, of: gate)
  let kernel = kind == .layer ? Adaptive.addAndNorm : Adaptive.addAndRMS
  let results = kernel.results(
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
