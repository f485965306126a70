internal import Torch

/// Multi-head self-attention with one projection for queries, keys and values.
///
/// Source: Vaswani et al. 2017, section 3.2; parameters are named as in a Vision Transformer.
public struct Attention<Layer: LinearLayer> {
  /// `[3 D, D]`: queries, keys, values.
  public let qkv: Layer
  /// `[D, D]`
  public let projection: Layer
  /// Divides D.
  public let headCount: Int

  /// Attention over existing layers.
  public init(qkv: Layer, projection: Layer, headCount: Int) {
    self.qkv = qkv
    self.projection = projection
    self.headCount = headCount
  }

  /// Mixes the tokens of each image, `[N, T, D]` to `[N, T, D]`.
  public func callAsFunction(_ x: Layer.Stream.Activations) -> Layer.Stream.BranchOutput {
    projection.branchOutput(of: selfAttention(qkv(x), headCount: headCount))
  }
}

extension Attention where Layer == Linear {
  /// Makes `qkv`, then `proj`.
  public init(_ width: Int, headCount: Int, at scope: Scope) {
    self.init(
      qkv: Linear(width, 3 * width, at: scope / "qkv"),
      projection: Linear(width, width, at: scope / "proj"), headCount: headCount)
  }

  /// Multiply-adds for an image of `tokenCount` tokens, the two products of attention included.
  public func multiplyAdds(tokenCount: Int) -> Double {
    qkv.multiplyAdds(tokenCount: tokenCount) + projection.multiplyAdds(tokenCount: tokenCount)
      + 2 * Double(tokenCount) * Double(tokenCount) * Double(projection.inputCount)
  }
}
