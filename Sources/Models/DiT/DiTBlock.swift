public import Layers
public import Torch

// N batch, T tokens, D width.

/// A transformer block with adaLN-Zero conditioning (Peebles & Xie 2023, figure 3).
public struct DiTBlock<Layer: LinearLayer> {
  /// Attention and the MLP.
  public let branches: TransformerBlock<Layer>
  /// Makes six vectors: shift, scale, gate for attention, then for the MLP.
  public let modulation: Modulation

  /// A block of existing parts.
  package init(_ branches: TransformerBlock<Layer>, modulation: Modulation) {
    self.branches = branches
    self.modulation = modulation
  }
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
    branches = TransformerBlock(
      norm1: TokenNorm(form.norm, width, at: scope / "norm1"),
      norm2: TokenNorm(form.norm, width, at: scope / "norm2"),
      attention: Attention(
        width, headCount: config.headCount, norm: form.queryKeyNorm, positions: positions,
        at: scope / "attn"),
      mlp: BlockMLP(config, at: scope / "mlp"))
    modulation = Modulation(width, vectorCount: 6, at: scope)
  }

  /// Makes other linear layers of the joined block's, such as packed ones.
  ///
  /// - Parameter transform: called for each layer in order.
  /// - Returns: the block over those layers, with the same norms and modulation.
  /// - Throws: what `transform` throws.
  public func map<Other: LinearLayer, Failure: Error>(
    _ transform: (BlockLayer, Linear) throws(Failure) -> Other
  ) throws(Failure) -> DiTBlock<Other> {
    DiTBlock<Other>(try branches.map(transform), modulation: modulation)
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
    for (place, norm) in branches.scaledNorms {
      vectors[place] = norm.absorbed(into: vectors[place])
    }
    branches(&stream, modulatedBy: vectors)
    return stream.sum()
  }
}
