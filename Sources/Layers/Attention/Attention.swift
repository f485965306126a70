public import Torch

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
  /// What happens to queries and keys; nil for nothing.
  public let form: QueryKeyForm?

  /// Attention over existing layers.
  public init(qkv: Layer, projection: Layer, headCount: Int, form: QueryKeyForm? = nil) {
    self.qkv = qkv
    self.projection = projection
    self.headCount = headCount
    self.form = form
  }

  /// Mixes the tokens of each image, `[N, T, D]` to `[N, T, D]`.
  public func callAsFunction(_ x: Layer.Stream.Activations) -> Layer.Stream.BranchOutput {
    let qkv = qkv(x)
    let heads = form.map { Layer.prepared(qkv, $0, headCount: headCount) } ?? qkv
    return projection.branchOutput(of: selfAttention(heads, headCount: headCount))
  }
}

extension Attention where Layer == Linear {
  /// Makes `qkv`, then `q_norm` and `k_norm` if there are norms, then `proj`.
  ///
  /// - Parameters:
  ///   - width: D.
  ///   - headCount: divides D.
  ///   - norm: of queries and keys; nil for none.
  ///   - positions: rotates queries and keys; nil for no rotation.
  ///   - scope: the scope of the names.
  public init(
    _ width: Int, headCount: Int, norm: NormKind? = nil, positions: RotaryPositions? = nil,
    at scope: Scope
  ) {
    let qkv = Linear(width, 3 * width, at: scope / "qkv")
    let norms = norm.map { kind in
      (
        query: HeadNorm(kind, width / headCount, at: scope / "q_norm"),
        key: HeadNorm(kind, width / headCount, at: scope / "k_norm")
      )
    }
    self.init(
      qkv: qkv, projection: Linear(width, width, at: scope / "proj"), headCount: headCount,
      form: QueryKeyForm(norms: norms, positions: positions))
  }

  /// Multiply-adds for an image of `tokenCount` tokens, the two products of attention included.
  public func multiplyAdds(tokenCount: Int) -> Double {
    qkv.multiplyAdds(tokenCount: tokenCount) + projection.multiplyAdds(tokenCount: tokenCount)
      + 2 * Double(tokenCount) * Double(tokenCount) * Double(projection.inputCount)
  }
}
