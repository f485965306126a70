public import Layers
public import Torch

// N batch, T tokens, D width, C H W latents, p patch size.

/// The network of improved MeanFlow as written, over plain linear layers: the reference for the packed one.
public typealias MeanFlow = MeanFlowNetwork<Linear>

/// A transformer that predicts the average velocity between two times, over some kind of linear layer.
///
/// Source: improved MeanFlow (iMF), Geng et al. 2025b. Class, guidance and span of time are tokens before
/// the patches. Parameter names and their order are those of the published code for PyTorch, within its
/// `net`.
public struct MeanFlowNetwork<Layer: LinearLayer> {
  /// One of the two velocities: its own blocks, then its patches.
  public struct Head {
    /// The blocks after the shared ones.
    public let blocks: [MeanFlowBlock<Layer>]
    /// Tokens to patches.
    public let finalLayer: MeanFlowFinalLayer
  }

  /// The shape of the network.
  public let config: MeanFlowConfig
  /// Conditions to tokens.
  public let prefix: MeanFlowPrefix
  /// Patches to tokens.
  public let patchEmbed: PatchEmbed
  /// The blocks of both velocities.
  public let sharedBlocks: [MeanFlowBlock<Layer>]
  /// The average velocity.
  public let averageHead: Head
  /// The instantaneous velocity; nil in a network for sampling alone.
  public let velocityHead: Head?

  /// The network of the average velocity over other blocks.
  ///
  /// - Parameters:
  ///   - stem: the rest of the network.
  ///   - config: the shape of the whole network.
  ///   - blocks: the shared ones, then those of the average velocity.
  ///   - dtype: of the patch embedding and the final linear layer.
  package init(
    _ stem: MeanFlow, config: MeanFlowConfig, blocks: [MeanFlowBlock<Layer>],
    convertingTo dtype: DType
  ) {
    self.config = config
    prefix = stem.prefix
    patchEmbed = stem.patchEmbed.converted(to: dtype)
    sharedBlocks = Array(blocks.prefix(config.sharedDepth))
    averageHead = Head(
      blocks: Array(blocks.dropFirst(config.sharedDepth)),
      finalLayer: stem.averageHead.finalLayer.converted(to: dtype))
    velocityHead = nil
  }

  /// The vectors of all norms and scales on the way to the average velocity, as a `ResidualStream` takes
  /// them: six for each block, then two for the final layer. `[D]` each.
  package var vectors: [Tensor] {
    (sharedBlocks + averageHead.blocks).flatMap(\.vectors) + averageHead.finalLayer.vectors
  }

  /// Runs the blocks and the final layer of the average velocity.
  ///
  /// - Parameters:
  ///   - x: the tokens.
  ///   - vectors: those of `vectors`.
  /// - Returns: `[N, C, H, W]`
  package func average(of x: Layer.Stream, vectors: [Layer.Stream.Vector]) -> Tensor {
    var x = x
    for (index, block) in (sharedBlocks + averageHead.blocks).enumerated() {
      block.branches(&x, modulatedBy: Array(vectors[6 * index..<6 * index + 6]))
    }
    let last = Array(vectors.suffix(2))
    return images(
      of: x.normalized(by: .rms, shift: last[0], scale: last[1]),
      averageHead.finalLayer.linear)
  }

  /// Patches of normalized tokens, put back into place.
  private func images(of x: Tensor, _ linear: Linear) -> Tensor {
    let patches = x.narrowed(axis: 1, start: config.prefix.count, count: config.patchCount)
    return PatchEmbed.joined(
      linear(patches), gridSize: config.gridSize, patchSize: config.patchSize)
  }
}

extension MeanFlowNetwork where Layer == Linear {
  /// Runs one block, as `block(x)` does, or in another way, such as with recomputation.
  ///
  /// - Parameters:
  ///   - index: of the block: the shared ones, then those of the average, then of the instantaneous
  ///     velocity.
  ///   - x: tokens, `[N, T, D]`
  ///   - block: from tokens to tokens.
  /// - Returns: tokens, `[N, T, D]`
  public typealias BlockHook = (
    _ index: Int, _ x: Tensor, _ block: @escaping (Tensor) -> Tensor
  ) -> Tensor

  /// Makes all parameters at a scope.
  public init(_ config: MeanFlowConfig, at scope: Scope) {
    self.config = config
    let width = config.hiddenSize
    let tokens = MeanFlowPrefix.Tokens(config, at: scope)
    patchEmbed = PatchEmbed(
      config.channelCount, width, patchSize: config.patchSize, at: scope / "x_embedder")
    prefix = MeanFlowPrefix(tokens, config, at: scope)
    let positions = config.rotaryPositions(on: prefix.labels.device)
    func blocks(_ name: String, _ count: Int) -> [MeanFlowBlock<Linear>] {
      (0..<count).map { MeanFlowBlock(config, positions: positions, at: scope / name / $0) }
    }
    sharedBlocks = blocks("shared_blocks", config.sharedDepth)
    let average = blocks("u_heads", config.headDepth)
    let instantaneous = config.hasVelocityHead ? blocks("v_heads", config.headDepth) : []
    averageHead = Head(
      blocks: average, finalLayer: MeanFlowFinalLayer(config, at: scope / "u_final_layer"))
    velocityHead =
      config.hasVelocityHead
      ? Head(
        blocks: instantaneous,
        finalLayer: MeanFlowFinalLayer(config, at: scope / "v_final_layer")) : nil
  }

  /// Predicts the average velocity u of the way from time t back to r.
  ///
  /// The latents are a mixture (1 - t) x + t ε of data x and noise ε; u is (z_t - z_r) / (t - r).
  ///
  /// - Parameters:
  ///   - z: latents at t, `[N, C, H, W]`
  ///   - conditions: the span t - r, guidance and class. The network does not see t itself.
  ///   - hook: runs each block.
  /// - Returns: u, `[N, C, H, W]`
  public func callAsFunction(
    _ z: Tensor, _ conditions: MeanFlowConditions, hook: BlockHook = { $2($1) }
  ) -> Tensor {
    output(of: averageHead, from: config.sharedDepth, shared(z, conditions, hook), hook)
  }

  /// Predicts the average velocity u and the instantaneous velocity v at t.
  ///
  /// - Parameters:
  ///   - z: latents at t, `[N, C, H, W]`
  ///   - conditions: the span, guidance and class.
  ///   - hook: runs each block.
  /// - Returns: u and v, `[N, C, H, W]` each.
  public func velocities(
    _ z: Tensor, _ conditions: MeanFlowConditions, hook: BlockHook = { $2($1) }
  ) -> (average: Tensor, instantaneous: Tensor) {
    guard let velocityHead else {
      fatalError("MeanFlow: the network has no head of the instantaneous velocity")
    }
    let x = shared(z, conditions, hook)
    return (
      output(of: averageHead, from: config.sharedDepth, x, hook),
      output(of: velocityHead, from: config.depth, x, hook)
    )
  }

  /// The tokens after the shared blocks, `[N, T, D]`.
  private func shared(
    _ z: Tensor, _ conditions: MeanFlowConditions, _ hook: BlockHook
  ) -> Tensor {
    let tokens = concatenated([prefix(conditions), patchEmbed(z)], axis: 1)
    return sharedBlocks.enumerated().reduce(tokens) { x, block in
      hook(block.offset, x) { block.element($0) }
    }
  }

  /// A velocity, `[N, C, H, W]`, from the tokens after the shared blocks.
  private func output(
    of head: Head, from start: Int, _ x: Tensor, _ hook: BlockHook
  ) -> Tensor {
    let x = head.blocks.enumerated().reduce(x) { x, block in
      hook(start + block.offset, x) { block.element($0) }
    }
    return images(of: head.finalLayer.normalized(x), head.finalLayer.linear)
  }
}

/// The last layer: a norm, then a linear map to patches, which starts at zero.
public struct MeanFlowFinalLayer {
  /// Of the tokens.
  public let norm: TokenNorm
  /// `[p p C, D]`
  public let linear: Linear

  init(_ config: MeanFlowConfig, at scope: Scope) {
    norm = TokenNorm(.rms, config.hiddenSize, at: scope / "norm")
    linear = Linear(
      config.hiddenSize, config.patchSize * config.patchSize * config.channelCount,
      at: scope / "linear" / "_flax_linear", weight: .zeros)
  }

  private init(norm: TokenNorm, linear: Linear) {
    self.norm = norm
    self.linear = linear
  }

  /// The layer with the numbers of `linear` in another type.
  func converted(to dtype: DType) -> MeanFlowFinalLayer {
    MeanFlowFinalLayer(norm: norm, linear: linear.converted(to: dtype))
  }

  /// Shift and scale as a `ResidualStream` takes them, `[D]` each.
  var vectors: [Tensor] { norm.weight.map { norm.vectors(like: $0) } ?? [] }

  /// The norm of plain tokens, `[N, T, D]`.
  func normalized(_ x: Tensor) -> Tensor {
    var stream = PlainStream(x)
    let vectors = vectors.map { $0.perImage(of: x) }
    return stream.normalized(by: norm.kind, shift: vectors[0], scale: vectors[1])
  }
}

extension MeanFlowConfig {
  /// The table by which blocks rotate queries and keys: by the number of the token, those before the
  /// patches included.
  package func rotaryPositions(on device: Device) -> RotaryPositions {
    RotaryPositions(
      angles: PositionEmbedding.rotary1D(headWidth: headWidth, count: tokenCount).to(device))
  }
}
