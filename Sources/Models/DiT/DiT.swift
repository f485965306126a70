public import Layers
public import Torch

// N batch, T tokens, D width, C H W image, p patch size, g patches per side.

/// A Diffusion Transformer.
///
/// Source: Peebles & Xie 2023, section 3 and figure 3. Parameter names and their order are those of
/// the published checkpoints.
public struct DiT {
  /// The shape of the model.
  public let config: DiTConfig
  /// `[1, T, D]`; not trained.
  public let positions: Tensor
  /// Patches to tokens.
  public let patchEmbed: PatchEmbed
  /// Timesteps to vectors.
  public let timestepEmbed: TimestepEmbed
  /// `[classes (+ 1), D]`
  public let labels: Tensor
  /// The transformer.
  public let blocks: [DiTBlock]
  /// Tokens to patches.
  public let finalLayer: FinalLayer

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
    labels = (scope / "y_embedder" / "embedding_table").parameter(
      "weight", [config.classCount + (config.hasNullClass ? 1 : 0), width],
      .normal(standardDeviation: 0.02))
    blocks = (0..<config.depth).map { DiTBlock(config, at: scope / "blocks" / $0) }
    finalLayer = FinalLayer(config, at: scope / "final_layer")
  }

  /// Predicts the noise, and the variance where it is learned.
  ///
  /// - Parameters:
  ///   - x: noisy latents, `[N, C, H, W]`
  ///   - t: timesteps, `[N]`, 0 ..< 1000
  ///   - y: classes, `[N]`, int64, the null class included
  /// - Returns: `[N, C or 2 C, H, W]`
  public func callAsFunction(_ x: Tensor, t: Tensor, y: Tensor) -> Tensor {
    var h = tokens(x)  // [N, T, D]
    let c = condition(t: t, y: y)  // [N, D]
    for block in blocks {
      h = block(h, conditionedOn: c)  // [N, T, D]
    }
    return unpatchified(finalLayer(h, conditionedOn: c))  // [N, C or 2 C, H, W]
  }

  /// Patches as tokens with their positions, `[N, C, H, W]` to `[N, T, D]`.
  public func tokens(_ x: Tensor) -> Tensor { patchEmbed(x) + positions }

  /// What every block is conditioned on: timestep plus class, `[N]` and `[N]` to `[N, D]`.
  public func condition(t: Tensor, y: Tensor) -> Tensor {
    timestepEmbed(t) + embedding(y, table: labels)
  }

  /// Puts patches back into place.
  ///
  /// - Parameter x: `[N, T, p p C]`
  /// - Returns: `[N, C, H, W]`
  public func unpatchified(_ x: Tensor) -> Tensor {
    let (g, p) = (config.gridSize, config.patchSize)
    let c = config.outputChannelCount
    return x.reshaped([x.size(0), g, g, p, p, c])
      .permuted([0, 5, 1, 3, 2, 4])
      .reshaped([x.size(0), c, g * p, g * p])
  }
}

/// A transformer block with adaLN-Zero conditioning (Peebles & Xie 2023, figure 3).
public struct DiTBlock {
  /// Self-attention.
  public let attention: Attention
  /// The pointwise feed-forward part.
  public let mlp: MLP
  /// `[6 D, D]`: shift, scale, gate for attention, then for the MLP. Starts at zero.
  public let modulation: Linear
  let norm = AdaptiveLayerNorm(epsilon: 1e-6)

  /// Makes `attn`, `mlp`, `adaLN_modulation.1`.
  public init(_ config: DiTConfig, at scope: Scope) {
    let width = config.hiddenSize
    attention = Attention(width, headCount: config.headCount, at: scope / "attn")
    mlp = MLP(width, hidden: config.mlpRatio * width, at: scope / "mlp")
    modulation = Linear(width, 6 * width, at: scope / "adaLN_modulation.1", weight: .zeros)
  }

  /// Applies the block to one batch of tokens.
  ///
  /// - Parameters:
  ///   - x: tokens, `[N, T, D]`
  ///   - c: timestep plus class, `[N, D]`
  /// - Returns: tokens, `[N, T, D]`
  public func callAsFunction(_ x: Tensor, conditionedOn c: Tensor) -> Tensor {
    let m = modulation(silu(c)).expandingDims(at: 1).chunks(6, axis: 2)  // 6 of [N, 1, D]
    let attended = attention(norm(x, shift: m[0], scale: m[1]))
    let (h, normed) = norm.afterAdding(attended, gate: m[2], to: x, shift: m[3], scale: m[4])
    return gatedAdd(h, mlp(normed), gate: m[5])
  }
}

/// The last layer: modulated norm, then a linear map to patches; both start at zero.
public struct FinalLayer {
  /// `[p p C_out, D]`
  public let linear: Linear
  /// `[2 D, D]`: shift, scale.
  public let modulation: Linear
  let norm = AdaptiveLayerNorm(epsilon: 1e-6)

  init(_ config: DiTConfig, at scope: Scope) {
    let width = config.hiddenSize
    let patchArea = config.patchSize * config.patchSize
    linear = Linear(
      width, patchArea * config.outputChannelCount, at: scope / "linear", weight: .zeros)
    modulation = Linear(width, 2 * width, at: scope / "adaLN_modulation.1", weight: .zeros)
  }

  /// Tokens `[N, T, D]` and condition `[N, D]` to patches `[N, T, p p C_out]`.
  public func callAsFunction(_ x: Tensor, conditionedOn c: Tensor) -> Tensor {
    let m = modulation(silu(c)).expandingDims(at: 1).chunks(2, axis: 2)  // 2 of [N, 1, D]
    return linear(norm(x, shift: m[0], scale: m[1]))
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

  init(_ width: Int, at scope: Scope) {
    let normal = Initializer.normal(standardDeviation: 0.02)
    first = Linear(Self.frequencyCount, width, at: scope / "mlp.0", weight: normal)
    second = Linear(width, width, at: scope / "mlp.2", weight: normal)
  }

  /// Timesteps `[N]` to `[N, D]`.
  public func callAsFunction(_ t: Tensor) -> Tensor {
    let sinusoids = PositionEmbedding.timestep(t, width: Self.frequencyCount)
    return second(silu(first(sinusoids.to(first.weight.dtype))))
  }
}
