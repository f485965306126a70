public import Torch

/// Multi-head self-attention.
///
/// Source: Vaswani et al. 2017, section 3.2; parameters are named as in a Vision Transformer.
public struct Attention<Layer: LinearLayer> {
  /// The first layers.
  public enum Input {
    /// One layer for queries, keys, values, `[3 D, D]`.
    case joined(Layer)
    /// A layer for each, `[D, D]`.
    case apart(query: Layer, key: Layer, value: Layer)
  }

  /// Makes queries, keys and values.
  public let input: Input
  /// `[D, D]`
  public let projection: Layer
  /// Divides D.
  public let headCount: Int
  /// What happens to queries and keys; nil for nothing.
  public let form: QueryKeyForm?

  /// Attention over existing layers.
  public init(input: Input, projection: Layer, headCount: Int, form: QueryKeyForm? = nil) {
    self.input = input
    self.projection = projection
    self.headCount = headCount
    self.form = form
  }

  /// Attention over existing layers, one of them for queries, keys and values.
  public init(qkv: Layer, projection: Layer, headCount: Int, form: QueryKeyForm? = nil) {
    self.init(input: .joined(qkv), projection: projection, headCount: headCount, form: form)
  }

  /// The layer that reads the tokens, or the first of three.
  public var first: Layer {
    switch input {
    case .joined(let layer), .apart(query: let layer, key: _, value: _): layer
    }
  }

  /// Mixes the tokens of each image, `[N, T, D]` to `[N, T, D]`.
  public func callAsFunction(_ x: Layer.Stream.Activations) -> Layer.Stream.BranchOutput {
    let qkv =
      switch input {
      case .joined(let layer): layer(x)
      case .apart(let query, let key, let value):
        concatenated([query(x), key(x), value(x)], axis: 2)
      }
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

  /// The same attention with one first layer; its weight is a copy if there were three.
  package var joined: Attention {
    guard case .apart(let query, let key, let value) = input else { return self }
    let layers = [query, key, value]
    let biases = layers.compactMap(\.bias)
    return Attention(
      qkv: Linear(
        weight: concatenated(layers.map(\.weight)),
        bias: biases.isEmpty ? nil : concatenated(biases)),
      projection: projection, headCount: headCount, form: form)
  }

  /// Multiply-adds for an image of `tokenCount` tokens, the two products of attention included.
  public func multiplyAdds(tokenCount: Int) -> Double {
    let layers: [Linear] =
      switch input {
      case .joined(let layer): [layer, projection]
      case .apart(let query, let key, let value): [query, key, value, projection]
      }
    return layers.reduce(0) { $0 + $1.multiplyAdds(tokenCount: tokenCount) }
      + 2 * Double(tokenCount) * Double(tokenCount) * Double(projection.inputCount)
  }
}
