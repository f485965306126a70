/// The shape of a DiT (Peebles & Xie 2023, table 1 and section 3).
public struct DiTConfig: Sendable, Equatable {
  /// Height and width of the input, latents or pixels; a multiple of the patch size.
  public var inputSize: Int
  /// Input channels.
  public var channelCount: Int
  /// Height and width of a patch.
  public var patchSize: Int
  /// Token width, D.
  public var hiddenSize: Int
  /// The number of blocks.
  public var depth: Int
  /// Attention heads; must divide the width.
  public var headCount: Int
  /// Hidden width of the MLPs, as a multiple of D; gated ones have two thirds of it.
  public var mlpRatio: Int
  /// Classes, without the null class of classifier-free guidance, whose index is `classCount`.
  public var classCount: Int
  /// Whether the class table has a row for the null class, as training with dropped labels needs it.
  /// Without one there is no guidance.
  public var hasNullClass: Bool
  /// Whether the model predicts the variance too, which doubles the output channels.
  public var learnsVariance: Bool
  /// The parts of a block.
  public var block: DiTBlockConfig
  /// Whether the model is told how far a step goes and predicts the average velocity over it (Geng et al. 2025,
  /// MeanFlow), from the parameters of `spanEmbedder`.
  public var hasSpan: Bool
  /// The scope of the embedder of spans, as in the code published with MeanFlow.
  package static let spanEmbedder = "h_embedder"

  /// A configuration; defaults are those of the published models.
  public init(
    inputSize: Int, channelCount: Int = 4, patchSize: Int, hiddenSize: Int, depth: Int,
    headCount: Int, mlpRatio: Int = 4, classCount: Int = 1000,
    learnsVariance: Bool = true, hasNullClass: Bool = true, block: DiTBlockConfig = .dit,
    hasSpan: Bool = false
  ) {
    self.inputSize = inputSize
    self.channelCount = channelCount
    self.patchSize = patchSize
    self.hiddenSize = hiddenSize
    self.depth = depth
    self.headCount = headCount
    self.mlpRatio = mlpRatio
    self.classCount = classCount
    self.learnsVariance = learnsVariance
    self.block = block
    self.hasNullClass = hasNullClass
    self.hasSpan = hasSpan
  }

  /// Patches per side.
  public var gridSize: Int { inputSize / patchSize }
  /// Width of a head.
  public var headWidth: Int { hiddenSize / headCount }
  /// Hidden width of the MLPs.
  public var mlpWidth: Int { block.mlp.hiddenWidth(mlpRatio * hiddenSize) }
  /// Tokens per image, T.
  public var tokenCount: Int { gridSize * gridSize }
  /// Rows of the class table.
  public var classRowCount: Int { hasNullClass ? classCount + 1 : classCount }
  /// Output channels.
  public var outputChannelCount: Int { learnsVariance ? 2 * channelCount : channelCount }
}

/// The twelve published sizes: four widths, three patch sizes.
public enum DiTPreset: String, Codable, Sendable, CaseIterable {
  /// Size XL, patches of 2 x 2.
  case xl2 = "DiT-XL/2"
  /// Size XL, patches of 4 x 4.
  case xl4 = "DiT-XL/4"
  /// Size XL, patches of 8 x 8.
  case xl8 = "DiT-XL/8"
  /// Size L, patches of 2 x 2.
  case l2 = "DiT-L/2"
  /// Size L, patches of 4 x 4.
  case l4 = "DiT-L/4"
  /// Size L, patches of 8 x 8.
  case l8 = "DiT-L/8"
  /// Size B, patches of 2 x 2.
  case b2 = "DiT-B/2"
  /// Size B, patches of 4 x 4.
  case b4 = "DiT-B/4"
  /// Size B, patches of 8 x 8.
  case b8 = "DiT-B/8"
  /// Size S, patches of 2 x 2.
  case s2 = "DiT-S/2"
  /// Size S, patches of 4 x 4.
  case s4 = "DiT-S/4"
  /// Size S, patches of 8 x 8.
  case s8 = "DiT-S/8"

  /// Width, depth, heads (Peebles & Xie 2023, table 1).
  public var size: (hiddenSize: Int, depth: Int, headCount: Int) {
    switch self {
    case .xl2, .xl4, .xl8: (1152, 28, 16)
    case .l2, .l4, .l8: (1024, 24, 16)
    case .b2, .b4, .b8: (768, 12, 12)
    case .s2, .s4, .s8: (384, 12, 6)
    }
  }

  /// Height and width of a patch.
  public var patchSize: Int {
    switch self {
    case .xl2, .l2, .b2, .s2: 2
    case .xl4, .l4, .b4, .s4: 4
    case .xl8, .l8, .b8, .s8: 8
    }
  }

  /// The preset for latents of a size.
  ///
  /// - Parameters:
  ///   - inputSize: height and width of the latents: the image size over 8.
  ///   - channelCount: channels of the latents.
  ///   - classCount: classes without the null class.
  ///   - learnsVariance: whether the model predicts the variance too.
  /// - Returns: the configuration.
  public func config(
    inputSize: Int, channelCount: Int = 4, classCount: Int = 1000, learnsVariance: Bool = true
  ) -> DiTConfig {
    let (hiddenSize, depth, headCount) = size
    return DiTConfig(
      inputSize: inputSize, channelCount: channelCount, patchSize: patchSize,
      hiddenSize: hiddenSize, depth: depth, headCount: headCount, classCount: classCount,
      learnsVariance: learnsVariance)
  }
}
