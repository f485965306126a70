/// The shape of a network that makes latents or pixels of noise.
public enum NetworkConfig: Sendable, Equatable {
  /// A DiT.
  case dit(DiTConfig)
  /// The network of improved MeanFlow.
  case meanFlow(MeanFlowConfig)

  /// Height and width of the input, latents or pixels.
  public var inputSize: Int {
    switch self {
    case .dit(let config): config.inputSize
    case .meanFlow(let config): config.inputSize
    }
  }

  /// Channels of the input.
  public var channelCount: Int {
    switch self {
    case .dit(let config): config.channelCount
    case .meanFlow(let config): config.channelCount
    }
  }

  /// Channels of the output.
  public var outputChannelCount: Int {
    switch self {
    case .dit(let config): config.outputChannelCount
    case .meanFlow(let config): config.channelCount
    }
  }

  /// Height and width of a patch.
  public var patchSize: Int {
    switch self {
    case .dit(let config): config.patchSize
    case .meanFlow(let config): config.patchSize
    }
  }

  /// Patches per side.
  public var gridSize: Int { inputSize / patchSize }

  /// Token width, D.
  public var hiddenSize: Int {
    switch self {
    case .dit(let config): config.hiddenSize
    case .meanFlow(let config): config.hiddenSize
    }
  }

  /// The number of blocks.
  public var depth: Int {
    switch self {
    case .dit(let config): config.depth
    case .meanFlow(let config): config.depth
    }
  }

  /// Attention heads.
  public var headCount: Int {
    switch self {
    case .dit(let config): config.headCount
    case .meanFlow(let config): config.headCount
    }
  }

  /// Classes, without the null class.
  public var classCount: Int {
    switch self {
    case .dit(let config): config.classCount
    case .meanFlow(let config): config.classCount
    }
  }

  /// Whether the class table has a row for the null class.
  public var hasNullClass: Bool {
    switch self {
    case .dit(let config): config.hasNullClass
    case .meanFlow: true
    }
  }

  /// Rows of the class table.
  public var classRowCount: Int { hasNullClass ? classCount + 1 : classCount }

  /// The name of its published size, else its kind and size.
  public var name: String {
    switch self {
    case .dit(let config):
      config.publishedName ?? "DiT of width \(hiddenSize), depth \(depth)"
    case .meanFlow(let config):
      config.preset?.rawValue ?? "MeanFlow of width \(hiddenSize), depth \(depth)"
    }
  }
}
