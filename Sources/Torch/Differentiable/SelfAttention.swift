private enum SelfAttention {
  static let apply = Operator("dit::self_attention")
}

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2). The gradients of queries, keys and
/// values are written side by side, like `qkv`.
///
/// - Parameters:
///   - qkv: queries, keys and values, `[N, T, 3 D]`
///   - headCount: divides D.
/// - Returns: `[N, T, D]`
public func selfAttention(_ qkv: Tensor, headCount: Int) -> Tensor {
  SelfAttention.apply(.tensor(qkv), .int(headCount))
}
