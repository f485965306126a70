private enum FeedForward {
  static let apply = Operator("dit::feed_forward")
}

/// Two linear layers with GELU (tanh form) between them (Vaswani et al. 2017, section 3.3). GELU and its
/// slope are applied while products are written; not within `withPlainOperators`.
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
  guard OwnOperators.areUsable else {
    let hidden = gelu(linear(x, weight: weight1, bias: bias1), .tanh)
    return linear(hidden, weight: weight2, bias: bias2)
  }
  return FeedForward.apply(
    .tensor(x), .tensor(weight1), .optional(bias1), .tensor(weight2), .optional(bias2))
}
