private enum QueriesKeys {
  static let prepare = Operator("dit::prepare_queries_keys_")
}

/// Normalizes queries and keys over each head, then turns them by their positions, in place.
///
/// Sources: QK-norm, Henry et al. 2020; RoPE, Su et al. 2021, equation 34. Two channels side by side are a
/// pair. The arithmetic is float32.
///
/// - Parameters:
///   - qkv: queries, keys and values, `[N, T, 3 D]`, contiguous; updated.
///   - headCount: divides D.
///   - cosines: `[T, d / 2]`, float32, for heads of d channels; nil for no rotation.
///   - sines: the same shape, with `cosines`.
///   - norm: the norm, with the weights and biases, `[d]`, float32, of queries and keys; nil for none.
///   - epsilon: added to the variance, or to the mean square.
/// - Returns: whether a kernel serves the type and device; if not, nothing has happened.
public func prepareQueriesAndKeys(
  _ qkv: Tensor, headCount: Int, cosines: Tensor?, sines: Tensor?,
  norm: (
    kind: NormKind, query: (weight: Tensor, bias: Tensor?), key: (weight: Tensor, bias: Tensor?)
  )?, epsilon: Double
) -> Bool {
  guard qkv.isCPU, OwnOperators.areUsable, [.float32, .bfloat16].contains(qkv.dtype) else {
    return false
  }
  let kind = norm.map { $0.kind == .layer ? 1 : 2 } ?? 0
  QueriesKeys.prepare(
    .tensor(qkv), .int(headCount), .optional(cosines), .optional(sines), .int(kind),
    .optional(norm?.query.weight), .optional(norm?.query.bias), .optional(norm?.key.weight),
    .optional(norm?.key.bias), .double(epsilon))
  return true
}
