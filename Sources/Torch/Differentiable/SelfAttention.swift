private enum SelfAttention {
  static let apply = Operator("dit::self_attention")
}

/// Multi-head attention of tokens among themselves (Vaswani et al. 2017, section 3.2), with the
/// gradients of queries, keys and values side by side as they are.
///
/// - Parameters:
///   - qkv: queries, keys and values, `[N, T, 3 D]`
///   - headCount: divides D.
/// - Returns: `[N, T, D]`
public func selfAttention(_ qkv: Tensor, headCount: Int) -> Tensor {
  SelfAttention.apply(.tensor(qkv), .int(headCount))
}
