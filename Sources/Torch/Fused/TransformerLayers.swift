private enum Transformer {
  static let feedForward = Operator("dit::feed_forward")
  static let selfAttention = Operator("dit::self_attention")
}

/// Two linear layers with the tanh form of GELU between them (Vaswani et al. 2017, section 3.3),
/// GELU and its slope applied as products are written.
///
/// - Parameters:
///   - x: `[..., in]`
///   - weight1: `[hidden, in]`
///   - bias1: `[hidden]`
///   - weight2: `[out, hidden]`
///   - bias2: `[out]`
/// - Returns: `[..., out]`
public func feedForward(
  _ x: Tensor, weight1: Tensor, bias1: Tensor?, weight2: Tensor, bias2: Tensor?
) -> Tensor {
  Transformer.feedForward(
    .tensor(x), .tensor(weight1), .optional(bias1), .tensor(weight2), .optional(bias2))
}

/// Multi-head attention of tokens among themselves (Vaswani et al. 2017, section 3.2), with the
/// gradients of queries, keys and values side by side as they are.
///
/// - Parameters:
///   - qkv: queries, keys and values, `[N, T, 3 D]`
///   - headCount: divides D.
/// - Returns: `[N, T, D]`
public func selfAttention(_ qkv: Tensor, headCount: Int) -> Tensor {
  Transformer.selfAttention(.tensor(qkv), .int(headCount))
}
