public import Checkpoint
internal import Models
public import Torch

/// The model in a checkpoint.
public enum CheckpointContent {
  /// A DiT.
  case dit(DiTState)
  /// A network of improved MeanFlow.
  case meanFlow(MeanFlowState)
  /// An autoencoder, or half of one.
  case autoencoder(AutoencoderState)
  /// Another model, with the reason that it is no DiT.
  case other(PipelineError)

  /// Tells the model by its parameters' names and shapes.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint.
  ///   - headCount: attention heads of a DiT, if the caller knows them.
  ///   - imageSize: height and width of images in pixels, if the caller knows them.
  ///   - classCount: classes of a DiT without the null class, if the caller knows them.
  /// - Throws: `PipelineError` if the names are an autoencoder's and some are missing.
  public init(
    _ checkpoint: Checkpoint, headCount: Int? = nil, imageSize: Int? = nil, classCount: Int? = nil
  ) throws {
    if CheckpointContent.isAutoencoder(checkpoint) {
      self = .autoencoder(try AutoencoderState(checkpoint))
      return
    }
    if MeanFlowState.isFound(in: checkpoint) {
      self = .meanFlow(
        try MeanFlowState(
          checkpoint, headCount: headCount, imageSize: imageSize, classCount: classCount))
      return
    }
    do {
      self = .dit(
        try DiTState(
          checkpoint, headCount: headCount, imageSize: imageSize, classCount: classCount))
    } catch let error as PipelineError {
      self = .other(error)
    }
  }

  /// Whether parameters have the names of an autoencoder, or of half of one.
  static func isAutoencoder(_ checkpoint: Checkpoint) -> Bool {
    let names = checkpoint.entries.map(\.name)
    let hasPrefix =
      StateDicts.ditPrefixes(of: names).isEmpty
      && StateDicts.autoencoderPrefixes(of: names).count == 1
    return hasPrefix || StateDicts.autoencoder(checkpoint.stateDict) != nil
  }

  /// What the file left open about the model, or has besides.
  public var findings: [StateFinding] {
    switch self {
    case .dit(let dit): dit.findings
    case .meanFlow(let network): network.findings
    case .autoencoder(let autoencoder): autoencoder.findings
    case .other: []
    }
  }

  /// Channels of the latents; nil for a model of pixels, and for another model.
  public var latentChannelCount: Int? {
    switch self {
    case .dit(let dit): dit.config.channelCount == 3 ? nil : dit.config.channelCount
    case .meanFlow(let network):
      network.config.channelCount == 3 ? nil : network.config.channelCount
    case .autoencoder(let autoencoder): autoencoder.latentChannelCount
    case .other: nil
    }
  }

  /// The parameters by name in the model's order; nil for another model.
  public var tensors: [(name: String, tensor: Tensor)]? {
    let (names, state): ([String], [String: Tensor])
    switch self {
    case .dit(let dit): (names, state) = (dit.names, dit.tensors)
    case .meanFlow(let network): (names, state) = (network.names, network.tensors)
    case .autoencoder(let autoencoder): (names, state) = (autoencoder.names, autoencoder.tensors)
    case .other: return nil
    }
    return names.compactMap { name in state[name].map { (name, $0) } }
  }
}
