/// The shape of the network of improved MeanFlow (Geng et al. 2025b, section 4 and its appendix).
public struct MeanFlowConfig: Sendable, Equatable {
  /// How many tokens stand before the patches, by what they tell, in the order of the sequence.
  public struct Prefix: Sendable, Equatable {
    /// The class.
    public var classCount: Int
    /// The guidance scale.
    public var guidanceCount: Int
    /// The lower end of the guidance interval.
    public var lowCount: Int
    /// The upper end of the guidance interval.
    public var highCount: Int
    /// The span of time.
    public var timeCount: Int

    /// Counts; the defaults are the published ones.
    public init(
      classCount: Int = 8, guidanceCount: Int = 4, lowCount: Int = 2, highCount: Int = 2,
      timeCount: Int = 4
    ) {
      self.classCount = classCount
      self.guidanceCount = guidanceCount
      self.lowCount = lowCount
      self.highCount = highCount
      self.timeCount = timeCount
    }

    /// All of them.
    public var count: Int { classCount + guidanceCount + lowCount + highCount + timeCount }
  }

  /// Height and width of the latents; a multiple of the patch size.
  public var inputSize: Int
  /// Channels of the latents.
  public var channelCount: Int
  /// Height and width of a patch.
  public var patchSize: Int
  /// Token width, D.
  public var hiddenSize: Int
  /// The blocks on the way to a velocity: the shared ones and those of a head.
  public var depth: Int
  /// The last blocks of those, of which the average and the instantaneous velocity have their own.
  public var headDepth: Int
  /// Attention heads; must divide the width.
  public var headCount: Int
  /// Hidden width of the gated MLPs.
  public var mlpWidth: Int
  /// Classes, without the null class, whose index is `classCount`.
  public var classCount: Int
  /// The tokens before the patches.
  public var prefix: Prefix
  /// Whether there is a head of the instantaneous velocity, which training needs.
  public var hasVelocityHead: Bool

  /// A configuration; defaults are those of the published networks. The MLPs are 8 / 3 times as wide as the
  /// tokens, rounded down.
  public init(
    inputSize: Int = 32, channelCount: Int = 4, patchSize: Int = 2, hiddenSize: Int, depth: Int,
    headDepth: Int = 8, headCount: Int, mlpWidth: Int? = nil, classCount: Int = 1000,
    prefix: Prefix = Prefix(), hasVelocityHead: Bool = false
  ) {
    self.inputSize = inputSize
    self.channelCount = channelCount
    self.patchSize = patchSize
    self.hiddenSize = hiddenSize
    self.depth = depth
    self.headDepth = headDepth
    self.headCount = headCount
    self.mlpWidth =
      mlpWidth ?? DiTBlockConfig.MLP.swiGLUApart.hiddenWidth(4 * hiddenSize)
    self.classCount = classCount
    self.prefix = prefix
    self.hasVelocityHead = hasVelocityHead
  }

  /// Patches per side.
  public var gridSize: Int { inputSize / patchSize }
  /// Patches of an image.
  public var patchCount: Int { gridSize * gridSize }
  /// Tokens of an image, T: those before the patches included.
  public var tokenCount: Int { prefix.count + patchCount }
  /// Width of a head.
  public var headWidth: Int { hiddenSize / headCount }
  /// Blocks that both velocities share.
  public var sharedDepth: Int { depth - headDepth }
  /// The published size with this width, depth, heads and patch size; nil if there is none.
  public var preset: MeanFlowPreset? {
    MeanFlowPreset.allCases.first {
      let size = $0.size
      return (size.hiddenSize, size.depth, size.headCount, 8, 2)
        == (hiddenSize, depth, headCount, headDepth, patchSize)
    }
  }

  /// What shapes do not show, for the metadata of a file.
  public var metadata: [String: String] { [Self.inputSizeKey: String(inputSize)] }
  /// The metadata's key of the height and width of the latents.
  static let inputSizeKey = "input_size"
}

/// The published sizes.
public enum MeanFlowPreset: String, Codable, Sendable, CaseIterable {
  /// 12 blocks, width 768.
  case b2 = "iMF-B/2"
  /// 24 blocks, width 768.
  case m2 = "iMF-M/2"
  /// 32 blocks, width 1024.
  case l2 = "iMF-L/2"
  /// 48 blocks, width 1024.
  case xl2 = "iMF-XL/2"

  /// Width, depth, heads.
  public var size: (hiddenSize: Int, depth: Int, headCount: Int) {
    switch self {
    case .b2: (768, 12, 12)
    case .m2: (768, 24, 12)
    case .l2: (1024, 32, 16)
    case .xl2: (1024, 48, 16)
    }
  }

  /// The configuration of this size.
  ///
  /// - Parameters:
  ///   - inputSize: height and width of the latents: the image size over 8.
  ///   - channelCount: channels of the latents.
  ///   - classCount: classes without the null class.
  ///   - hasVelocityHead: whether it can be trained.
  /// - Returns: the configuration.
  public func config(
    inputSize: Int = 32, channelCount: Int = 4, classCount: Int = 1000,
    hasVelocityHead: Bool = false
  ) -> MeanFlowConfig {
    let (hiddenSize, depth, headCount) = size
    return MeanFlowConfig(
      inputSize: inputSize, channelCount: channelCount, hiddenSize: hiddenSize, depth: depth,
      headCount: headCount, classCount: classCount, hasVelocityHead: hasVelocityHead)
  }
}
