public import Torch

/// Multi-head self-attention with one projection for queries, keys and values.
///
/// Source: Vaswani et al. 2017, section 3.2; names as in the Vision Transformer blocks of DiT.
public struct Attention {
  /// `[3 D, D]`: queries, keys, values.
  public let qkv: Linear
  /// `[D, D]`
  public let projection: Linear
  /// Divides D.
  public let headCount: Int

  /// Makes `qkv`, then `proj`.
  public init(_ width: Int, headCount: Int, at scope: Scope) {
    qkv = Linear(width, 3 * width, at: scope / "qkv")
    projection = Linear(width, width, at: scope / "proj")
    self.headCount = headCount
  }

  /// Lets every token look at every token of its row.
  ///
  /// - Parameter x: tokens, `[N, T, D]`
  /// - Returns: tokens, `[N, T, D]`
  public func callAsFunction(_ x: Tensor) -> Tensor {
    projection(selfAttention(qkv(x), headCount: headCount))
  }
}
