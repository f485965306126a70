public import Layers
public import Torch

// N batch, T tokens, D width.

/// A transformer block with adaLN-Zero conditioning (Peebles & Xie 2023, figure 3).
public struct DiTBlock<Layer: LinearLayer> {
  /// Self-attention.
  public let attention: Attention<Layer>
  /// The pointwise feed-forward part.
  public let mlp: MLP<Layer>
  /// Makes six vectors: shift, scale, gate for attention, then for the MLP.
  public let modulation: Modulation

  /// Adds attention, then the MLP to the tokens.
  ///
  /// - Parameters:
  ///   - x: the tokens.
  ///   - m: the six vectors.
  public func callAsFunction(_ x: inout Layer.Stream, modulatedBy m: [Layer.Stream.Vector]) {
    x.add(attention(x.normalized(shift: m[0], scale: m[1], for: attention.qkv)), gate: m[2])
    x.add(mlp(x.normalized(shift: m[3], scale: m[4], for: mlp.fc1)), gate: m[5])
  }

  /// The linear layers by name, in the order of the parameters.
  public var linearLayers: [(name: BlockLayer, layer: Layer)] {
    BlockLayer.allCases.map { ($0, self[$0]) }
  }

  /// A linear layer.
  public subscript(_ name: BlockLayer) -> Layer {
    switch name {
    case .qkv: attention.qkv
    case .projection: attention.projection
    case .fc1: mlp.fc1
    case .fc2: mlp.fc2
    }
  }

  /// Makes other linear layers of the block's, such as packed ones.
  ///
  /// - Parameter transform: called for each layer in order.
  /// - Returns: the block over those layers, with the same modulation.
  /// - Throws: what `transform` throws.
  public func map<Other: LinearLayer, Failure: Error>(
    _ transform: (BlockLayer, Layer) throws(Failure) -> Other
  ) throws(Failure) -> DiTBlock<Other> {
    DiTBlock<Other>(
      attention: Attention(
        qkv: try transform(.qkv, attention.qkv),
        projection: try transform(.projection, attention.projection),
        headCount: attention.headCount),
      mlp: MLP(fc1: try transform(.fc1, mlp.fc1), fc2: try transform(.fc2, mlp.fc2)),
      modulation: modulation)
  }
}

/// The linear layers of a block; the raw values are the names of their parameters.
public enum BlockLayer: String, Sendable, CaseIterable {
  /// Queries, keys and values of attention.
  case qkv = "attn.qkv"
  /// The output of attention.
  case projection = "attn.proj"
  /// The first layer of the MLP.
  case fc1 = "mlp.fc1"
  /// The second layer of the MLP.
  case fc2 = "mlp.fc2"
}

extension DiTBlock where Layer == Linear {
  /// Makes `attn`, `mlp`, `adaLN_modulation.1`.
  public init(_ config: DiTConfig, at scope: Scope) {
    let width = config.hiddenSize
    attention = Attention(width, headCount: config.headCount, at: scope / "attn")
    mlp = MLP(width, hidden: config.mlpRatio * width, at: scope / "mlp")
    modulation = Modulation(width, vectorCount: 6, at: scope)
  }

  /// Applies the block to plain tokens.
  ///
  /// - Parameters:
  ///   - x: tokens, `[N, T, D]`
  ///   - c: timestep plus class, `[N, D]`
  /// - Returns: tokens, `[N, T, D]`
  public func callAsFunction(_ x: Tensor, conditionedOn c: Tensor) -> Tensor {
    var stream = PlainStream(x)
    self(&stream, modulatedBy: modulation(c))
    return stream.sum()
  }
}
