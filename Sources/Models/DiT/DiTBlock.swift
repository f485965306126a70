public import Layers
public import Torch

// N batch, T tokens, D width.

/// A transformer block with adaLN-Zero conditioning (Peebles & Xie 2023, figure 3).
public struct DiTBlock<Layer: LinearLayer> {
  /// Before attention.
  public let norm1: TokenNorm
  /// Before the MLP.
  public let norm2: TokenNorm
  /// Self-attention.
  public let attention: Attention<Layer>
  /// The pointwise feed-forward part.
  public let mlp: BlockMLP<Layer>
  /// Makes six vectors: shift, scale, gate for attention, then for the MLP.
  public let modulation: Modulation

  /// Adds attention, then the MLP to the tokens.
  ///
  /// - Parameters:
  ///   - x: the tokens.
  ///   - m: the six vectors, whose scales have taken up the weights of the norms.
  public func callAsFunction(_ x: inout Layer.Stream, modulatedBy m: [Layer.Stream.Vector]) {
    x.add(
      attention(x.normalized(by: norm1.kind, shift: m[0], scale: m[1], for: attention.qkv)),
      gate: m[2])
    x.add(
      mlp(x.normalized(by: norm2.kind, shift: m[3], scale: m[4], for: mlp.first)), gate: m[5])
  }

  /// The places of the scales among the six vectors, with the norms whose weights they take up.
  package var scaledNorms: [(place: Int, norm: TokenNorm)] { [(1, norm1), (4, norm2)] }

  /// The linear layers by name, in the order of the parameters.
  public var linearLayers: [(name: BlockLayer, layer: Layer)] {
    [(.qkv, attention.qkv), (.projection, attention.projection)] + mlp.linearLayers
  }
}

/// The linear layers of blocks; the raw values are the names of their parameters.
public enum BlockLayer: String, Sendable, CaseIterable {
  /// Queries, keys and values of attention.
  case qkv = "attn.qkv"
  /// The output of attention.
  case projection = "attn.proj"
  /// The first layer of the MLP.
  case fc1 = "mlp.fc1"
  /// The second layer of the MLP.
  case fc2 = "mlp.fc2"
  /// Gates and values of a gated MLP.
  case w12 = "mlp.w12"
  /// Gates alone.
  case w1 = "mlp.w1"
  /// The output of a gated MLP whose gates are apart.
  case w2 = "mlp.w2"
  /// The output of a gated MLP, or its values if the gates are apart.
  case w3 = "mlp.w3"

  /// Whether it is the last layer of an MLP, in a block whose gates and values are joined.
  package var endsMLP: Bool { [.fc2, .w2, .w3].contains(self) }
}

extension DiTBlock where Layer == Linear {
  /// Makes `norm1` and `norm2` if they have weights, `attn`, `mlp`, `adaLN_modulation.1`.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - positions: those of `config.rotaryPositions(on:)`.
  ///   - scope: the scope of the names.
  public init(_ config: DiTConfig, positions: RotaryPositions?, at scope: Scope) {
    let (width, form) = (config.hiddenSize, config.block)
    norm1 = TokenNorm(form.norm, width, at: scope / "norm1")
    norm2 = TokenNorm(form.norm, width, at: scope / "norm2")
    attention = Attention(
      width, headCount: config.headCount, norm: form.queryKeyNorm, positions: positions,
      at: scope / "attn")
    mlp = BlockMLP(config, at: scope / "mlp")
    modulation = Modulation(width, vectorCount: 6, at: scope)
  }

  private init(
    _ block: DiTBlock, mlp: BlockMLP<Linear>
  ) {
    (norm1, norm2, attention, modulation) =
      (block.norm1, block.norm2, block.attention, block.modulation)
    self.mlp = mlp
  }

  /// The same block with one layer that reads the tokens in each branch.
  package var joined: DiTBlock { DiTBlock(self, mlp: mlp.joined) }

  /// Makes other linear layers of the joined block's, such as packed ones.
  ///
  /// - Parameter transform: called for each layer in order.
  /// - Returns: the block over those layers, with the same norms and modulation.
  /// - Throws: what `transform` throws.
  public func map<Other: LinearLayer, Failure: Error>(
    _ transform: (BlockLayer, Linear) throws(Failure) -> Other
  ) throws(Failure) -> DiTBlock<Other> {
    DiTBlock<Other>(
      norm1: norm1, norm2: norm2,
      attention: Attention(
        qkv: try transform(.qkv, attention.qkv),
        projection: try transform(.projection, attention.projection),
        headCount: attention.headCount, form: attention.form),
      mlp: try mlp.map(transform), modulation: modulation)
  }

  /// Applies the block to plain tokens.
  ///
  /// - Parameters:
  ///   - x: tokens, `[N, T, D]`
  ///   - c: timestep plus class, `[N, D]`
  /// - Returns: tokens, `[N, T, D]`
  public func callAsFunction(_ x: Tensor, conditionedOn c: Tensor) -> Tensor {
    var stream = PlainStream(x)
    var vectors = modulation(c)
    for (place, norm) in scaledNorms { vectors[place] = norm.absorbed(into: vectors[place]) }
    self(&stream, modulatedBy: vectors)
    return stream.sum()
  }
}
