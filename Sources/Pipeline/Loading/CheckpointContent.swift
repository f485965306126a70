public import Checkpoint
public import Torch

/// What a checkpoint holds: a DiT, an autoencoder or something else.
public enum CheckpointContent {
  case dit(DiTState)
  case autoencoder(AutoencoderState)
  /// Something else, and why it is no DiT.
  case other(PipelineError)

  /// Finds out what the names and shapes of a checkpoint are those of.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint.
  ///   - headCount: attention heads of a DiT, if the caller knows them.
  ///   - imageSize: height and width of images in pixels, if the caller knows them.
  /// - Throws: `PipelineError` if the names are an autoencoder's, and it is not whole.
  public init(_ checkpoint: Checkpoint, headCount: Int? = nil, imageSize: Int? = nil) throws {
    if KeyMap.autoencoder(checkpoint.stateDict) != nil {
      self = .autoencoder(try AutoencoderState(checkpoint))
      return
    }
    do {
      self = .dit(try DiTState(checkpoint, headCount: headCount, imageSize: imageSize))
    } catch let error as PipelineError {
      self = .other(error)
    }
  }

  /// The parameters by their canonical names in the model's order; nil for something else.
  public var tensors: [(name: String, tensor: Tensor)]? {
    let (names, state): ([String], [String: Tensor])
    switch self {
    case .dit(let dit): (names, state) = (dit.names, dit.tensors)
    case .autoencoder(let autoencoder): (names, state) = (autoencoder.names, autoencoder.tensors)
    case .other: return nil
    }
    return names.compactMap { name in state[name].map { (name, $0) } }
  }
}
