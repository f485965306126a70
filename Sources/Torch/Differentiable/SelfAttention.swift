private enum SelfAttention {
  static let apply = Operator("dit::self_attention")
  static let plain = Operator("aten::_scaled_dot_product_attention_math")
}

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2). The gradients of queries, keys and
/// values are written side by side, like `qkv`. Within `withPlainOperators` it is computed step by step,
/// with all weights in memory; a build without our kernels calls libtorch's.
///
/// - Parameters:
///   - qkv: queries, keys and values, `[N, T, 3 D]`
///   - headCount: divides D.
/// - Returns: `[N, T, D]`
public func selfAttention(_ qkv: Tensor, headCount: Int) -> Tensor {
  guard !OwnOperators.areUsable else {
    return SelfAttention.apply(.tensor(qkv), .int(headCount))
  }
  let (images, tokens, width) = (qkv.size(0), qkv.size(1), qkv.size(2) / 3)
  let heads = qkv.reshaped([images, tokens, 3, headCount, width / headCount])
    .permuted([2, 0, 3, 1, 4])  // [3, N, heads, T, d]
  let mixed =
    OwnOperators.areForbidden
    ? SelfAttention.plain.results(
      .tensor(heads[0]), .tensor(heads[1]), .tensor(heads[2]), count: 2)[0]
    : scaledDotProductAttention(query: heads[0], key: heads[1], value: heads[2])
  return mixed.transposed(1, 2).reshaped([images, tokens, width])
}
