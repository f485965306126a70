public import Layers
internal import Torch

// N batch, T tokens, D width.

/// The two branches of a pre-norm block: attention, then the MLP, each on a norm of the tokens, and gated
/// before it is added.
public struct TransformerBlock<Layer: LinearLayer> {
  /// Before attention.
  public let norm1: TokenNorm
  /// Before the MLP.
  public let norm2: TokenNorm
  /// Self-attention.
  public let attention: Attention<Layer>
  /// The pointwise feed-forward part.
  public let mlp: BlockMLP<Layer>

  /// Adds attention, then the MLP to the tokens.
  ///
  /// - Parameters:
  ///   - x: the tokens.
  ///   - m: shift, scale and gate for attention, then for the MLP; the scales have taken up the weights of
  ///     the norms.
  public func callAsFunction(_ x: inout Layer.Stream, modulatedBy m: [Layer.Stream.Vector]) {
    x.add(
      attention(x.normalized(by: norm1.kind, shift: m[0], scale: m[1], for: attention.first)),
      gate: m[2])
    x.add(
      mlp(x.normalized(by: norm2.kind, shift: m[3], scale: m[4], for: mlp.first)), gate: m[5])
  }

  /// The places of the scales among the six vectors, with the norms whose weights they take up.
  package var scaledNorms: [(place: Int, norm: TokenNorm)] { [(1, norm1), (4, norm2)] }
}

extension TransformerBlock where Layer == Linear {
  /// The same branches with one layer that reads the tokens in each.
  package var joined: TransformerBlock {
    TransformerBlock(norm1: norm1, norm2: norm2, attention: attention.joined, mlp: mlp.joined)
  }

  /// The linear layers of the joined branches by name, in the order of the parameters.
  public var linearLayers: [(name: BlockLayer, layer: Linear)] {
    let attention = attention.joined
    return [(.qkv, attention.first), (.projection, attention.projection)] + mlp.linearLayers
  }

  /// Makes other linear layers of the joined branches', such as packed ones.
  ///
  /// - Parameters:
  ///   - multiple: of which the number of gated hidden values becomes one, see
  ///     `SwiGLU.padded(toMultipleOf:)`.
  ///   - transform: called for each layer in order.
  /// - Returns: the branches over those layers, with the same norms.
  /// - Throws: what `transform` throws.
  public func map<Other: LinearLayer, Failure: Error>(
    paddedToMultipleOf multiple: Int = 1, _ transform: (BlockLayer, Linear) throws(Failure) -> Other
  ) throws(Failure) -> TransformerBlock<Other> {
    let attention = attention.joined
    return TransformerBlock<Other>(
      norm1: norm1, norm2: norm2,
      attention: Attention(
        qkv: try transform(.qkv, attention.first),
        projection: try transform(.projection, attention.projection),
        headCount: attention.headCount, form: attention.form),
      mlp: try mlp.map(paddedToMultipleOf: multiple, transform))
  }

  /// Multiply-adds for one image.
  func multiplyAdds(tokenCount: Int) -> Double {
    attention.multiplyAdds(tokenCount: tokenCount) + mlp.multiplyAdds(tokenCount: tokenCount)
  }

  /// Numbers per token that the backward pass needs, in the type of the matrix products: inputs and
  /// outputs of the linear layers, silu(gate) of a gated MLP, and both sides of norms of queries and keys.
  package var keptActivationCount: Int {
    let gates = if case .swiGLU(let mlp) = mlp { mlp.output.inputCount } else { 0 }
    let norms = attention.form?.norms == nil ? 0 : 4 * attention.projection.inputCount
    return linearLayers.reduce(gates + norms) { $0 + $1.layer.inputCount + $1.layer.outputCount }
  }
}
