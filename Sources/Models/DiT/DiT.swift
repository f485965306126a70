public import Layers
public import Torch

// N batch, T tokens, D width, C H W image, p patch size, g patches per side.

/// A Diffusion Transformer as written, over plain linear layers: the reference for the packed one.
public typealias DiT = DiTNetwork<Linear>

/// A Diffusion Transformer over some kind of linear layer.
///
/// Source: Peebles & Xie 2023, section 3 and figure 3. Parameter names and their order are those of
/// the published checkpoints.
public struct DiTNetwork<Layer: LinearLayer> {
  /// The shape of the model.
  public let config: DiTConfig
  /// `[1, T, D]`; not trained.
  public let positions: Tensor
  /// Patches to tokens.
  public let patchEmbed: PatchEmbed
  /// Timesteps to vectors.
  public let timestepEmbed: TimestepEmbed
  /// Spans to vectors, of a model of average velocities.
  public let spanEmbed: TimestepEmbed?
  /// `[classes + 1, D]`
  public let labels: Tensor
  /// The transformer.
  public let blocks: [DiTBlock<Layer>]
  /// Tokens to patches.
  public let finalLayer: FinalLayer

  /// The network over other blocks.
  ///
  /// - Parameters:
  ///   - stem: the rest of the model.
  ///   - config: the shape of the whole model.
  ///   - blocks: as many as the configuration says.
  ///   - dtype: of the positions, the patch embedding and the final linear layer.
  package init(
    _ stem: DiT, config: DiTConfig, blocks: [DiTBlock<Layer>], convertingTo dtype: DType
  ) {
    self.config = config
    positions = stem.positions.to(dtype)
    patchEmbed = stem.patchEmbed.converted(to: dtype)
    timestepEmbed = stem.timestepEmbed
    spanEmbed = stem.spanEmbed
    labels = stem.labels
    self.blocks = blocks
    finalLayer = stem.finalLayer.converted(to: dtype)
  }

  /// The modulations in the order of their use: those of the blocks, then the final layer's.
  package var modulations: [Modulation] { blocks.map(\.modulation) + [finalLayer.modulation] }

  /// For each modulation the places of its scales, with the norms whose weights they take up.
  package var scaledNorms: [[(place: Int, norm: TokenNorm)]] {
    blocks.map(\.branches.scaledNorms) + [finalLayer.scaledNorms]
  }

  /// What every block is conditioned on: timestep plus class, and span for a model of average velocities, all
  /// `[N]`, to `[N, D]`.
  public func condition(t: Tensor, y: Tensor, span: Tensor? = nil) -> Tensor {
    embedded(t: t, span: span) + embedding(y, table: labels)
  }

  /// Timesteps, and spans where the model has them (0 if they are not given), `[N]` to `[N, D]`.
  package func embedded(t: Tensor, span: Tensor?) -> Tensor {
    let time = timestepEmbed(t)
    return spanEmbed.map { time + $0(span ?? t * 0) } ?? time
  }

  /// The blocks, the final layer and the patches put back into place.
  ///
  /// - Parameters:
  ///   - x: tokens with their positions.
  ///   - block: runs the block of an index on the tokens.
  ///   - finalLayer: makes patches of the tokens, `[N, T, p p C_out]`.
  /// - Returns: `[N, C or 2 C, H, W]`
  package func callAsFunction(
    _ x: Layer.Stream, block: (Int, inout Layer.Stream) -> Void,
    finalLayer: (inout Layer.Stream) -> Tensor
  ) -> Tensor {
    var x = x
    for index in blocks.indices { block(index, &x) }
    return unpatchified(finalLayer(&x))
  }

  /// Puts patches back into place.
  ///
  /// - Parameter x: `[N, T, p p C]`
  /// - Returns: `[N, C, H, W]`
  public func unpatchified(_ x: Tensor) -> Tensor {
    PatchEmbed.joined(x, gridSize: config.gridSize, patchSize: config.patchSize)
  }
}

extension DiTNetwork where Layer == Linear {
  /// Runs one block, as `block(x, c)` does, or in another way, such as with recomputation.
  ///
  /// - Parameters:
  ///   - index: of the block.
  ///   - x: tokens, `[N, T, D]`
  ///   - c: the condition, `[N, D]`
  ///   - block: from tokens and condition to tokens.
  /// - Returns: tokens, `[N, T, D]`
  public typealias BlockHook = (
    _ index: Int, _ x: Tensor, _ c: Tensor, _ block: @escaping (Tensor, Tensor) -> Tensor
  ) -> Tensor

  /// Makes all parameters at a scope.
  public init(_ config: DiTConfig, at scope: Scope) {
    self.config = config
    let width = config.hiddenSize
    positions = scope.parameter(
      "pos_embed", [1, config.tokenCount, width],
      .values { PositionEmbedding.sinCos2D(width: width, gridSize: config.gridSize) })
    patchEmbed = PatchEmbed(
      config.channelCount, width, patchSize: config.patchSize, at: scope / "x_embedder")
    timestepEmbed = TimestepEmbed(width, at: scope / "t_embedder")
    spanEmbed = config.hasSpan ? TimestepEmbed(width, at: scope / DiTConfig.spanEmbedder) : nil
    labels = (scope / "y_embedder" / "embedding_table").parameter(
      "weight", [config.classRowCount, width], .normal(standardDeviation: 0.02))
    let rotary = config.rotaryPositions(on: positions.device)
    blocks = (0..<config.depth).map {
      DiTBlock(config, positions: rotary, at: scope / "blocks" / $0)
    }
    finalLayer = FinalLayer(config, at: scope / "final_layer")
  }

  /// Predicts the noise, and the variance if it is learned.
  ///
  /// - Parameters:
  ///   - x: noisy latents, `[N, C, H, W]`
  ///   - t: timesteps, `[N]`, 0 ..< 1000
  ///   - y: classes, `[N]`, int64, the null class included
  ///   - span: how far the step goes, `[N]`, for a model of average velocities.
  ///   - hook: runs each block.
  /// - Returns: `[N, C or 2 C, H, W]`
  public func callAsFunction(
    _ x: Tensor, t: Tensor, y: Tensor, span: Tensor? = nil, hook: BlockHook = { $3($1, $2) }
  ) -> Tensor {
    let tokens = tokens(x)  // [N, T, D]
    let c = condition(t: t, y: y, span: span)  // [N, D]
    return self(
      PlainStream(tokens),
      block: { index, stream in
        let block = blocks[index]
        stream = PlainStream(hook(index, stream.sum(), c) { block($0, conditionedOn: $1) })
      },
      finalLayer: { finalLayer(&$0, conditionedOn: c) })
  }

  /// Patches as tokens with their positions, `[N, C, H, W]` to `[N, T, D]`.
  public func tokens(_ x: Tensor) -> Tensor { patchEmbed(x) + positions }
}

/// The last layer: modulated norm, then a linear map to patches; both start at zero.
public struct FinalLayer {
  /// Of the tokens.
  public let norm: TokenNorm
  /// `[p p C_out, D]`
  public let linear: Linear
  /// Makes two vectors: shift, scale.
  public let modulation: Modulation

  init(_ config: DiTConfig, at scope: Scope) {
    let width = config.hiddenSize
    let patchArea = config.patchSize * config.patchSize
    norm = TokenNorm(config.block.norm, width, at: scope / "norm_final")
    linear = Linear(
      width, patchArea * config.outputChannelCount, at: scope / "linear", weight: .zeros)
    modulation = Modulation(width, vectorCount: 2, at: scope)
  }

  private init(norm: TokenNorm, linear: Linear, modulation: Modulation) {
    self.norm = norm
    self.linear = linear
    self.modulation = modulation
  }

  /// The layer with the numbers of `linear` in another type.
  func converted(to dtype: DType) -> FinalLayer {
    FinalLayer(norm: norm, linear: linear.converted(to: dtype), modulation: modulation)
  }

  /// The place of the scale among the two vectors, with the norm whose weight it takes up.
  var scaledNorms: [(place: Int, norm: TokenNorm)] { [(1, norm)] }

  /// Condition `[N, D]` and tokens to patches, `[N, T, p p C_out]`.
  func callAsFunction(_ x: inout PlainStream, conditionedOn c: Tensor) -> Tensor {
    var vectors = modulation(c)
    for (place, norm) in scaledNorms { vectors[place] = norm.absorbed(into: vectors[place]) }
    return linear(norm(&x, modulatedBy: vectors))
  }

  /// The modulated norm, `[N, T, D]`; the scale has taken up the norm's weight.
  package func norm<Stream: ResidualStream>(
    _ x: inout Stream, modulatedBy m: [Stream.Vector]
  ) -> Tensor {
    x.normalized(by: norm.kind, shift: m[0], scale: m[1])
  }
}

/// Sinusoids of the timestep through a small MLP (Peebles & Xie 2023, appendix A).
public struct TimestepEmbed {
  /// The number of sinusoids.
  public static let frequencyCount = 256
  /// `[D, 256]`
  public let first: Linear
  /// `[D, D]`
  public let second: Linear

  /// An embedding of existing layers.
  ///
  /// - Parameters:
  ///   - first: `[D, 256]`
  ///   - second: `[D, D]`
  init(first: Linear, second: Linear) {
    self.first = first
    self.second = second
  }

  init(_ width: Int, at scope: Scope) {
    let normal = Initializer.normal(standardDeviation: 0.02)
    first = Linear(Self.frequencyCount, width, at: scope / "mlp.0", weight: normal)
    second = Linear(width, width, at: scope / "mlp.2", weight: normal)
  }

  /// Multiply-adds of one image.
  var multiplyAdds: Double {
    first.multiplyAdds(tokenCount: 1) + second.multiplyAdds(tokenCount: 1)
  }

  /// Timesteps `[N]` to `[N, D]`.
  public func callAsFunction(_ t: Tensor) -> Tensor {
    let sinusoids = PositionEmbedding.timestep(t, width: Self.frequencyCount)
    return second(silu(first(sinusoids.to(first.weight.dtype))))
  }
}
