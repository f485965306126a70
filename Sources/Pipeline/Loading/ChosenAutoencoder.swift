internal import Checkpoint
internal import Files
internal import Inference
internal import Models
internal import Torch

/// The autoencoder of a pipeline, settled by what is configured, and by what the DiT's file knows.
struct ChosenAutoencoder {
  /// The choice: `automatic` only for a model of pixels.
  let choice: AutoencoderChoice
  /// Its parameters; nil for a model of pixels, and for latents alone.
  let state: AutoencoderState?
  /// What is done to latents, as the run knows it or by the autoencoder's own factor.
  let scaling: LatentScaling
  /// Why the images may look wrong; nil if nothing is known against them.
  let warning: String?
  /// The file that the DiT's own file names; nil if the caller named one, or none is known.
  let ownPath: String?

  /// The paths of its files, in order; nil without a model, empty for the embedded one.
  var filePaths: [String]? { checkpoint?.filePaths }

  private let checkpoint: Checkpoint?
  /// The autoencoder that the DiT was trained with; nil if it is not known.
  private let trained: RunAutoencoder?

  /// Whether no training run noted what was done to latents.
  var isOfUnknownRun: Bool { trained == nil }

  /// Opens the autoencoder.
  ///
  /// - Parameters:
  ///   - config: names it, or leaves it to the DiT's file.
  ///   - dit: the DiT's checkpoint.
  /// - Throws: `PipelineError` if it is missing, or its latents are of another size; what opening throws.
  init(_ config: PipelineConfig, for dit: Checkpoint) throws {
    let trained = RunAutoencoder(metadata: dit.metadata)
    self.trained = trained
    let named = config.chosenAutoencoder
    ownPath = named == .automatic ? trained?.path : nil
    choice = ownPath.map(AutoencoderChoice.file) ?? named
    switch choice {
    case .file(let file) where config.ditCheckpoint == nil:
      throw PipelineError(
        .foreignAutoencoder,
        "'\(file)' is not the autoencoder of the built-in model, which has its own")
    case .file(let file) where ownPath == file && !Folder.hasFile(file) && !Folder.exists(file):
      throw PipelineError(
        .missingAutoencoder,
        "'\(dit.path)' was trained with the autoencoder '\(file)'"
          + " (\(trained?.name ?? "")), which is not there any more")
    case .file(let file): checkpoint = try Checkpoint.openModel(file, part: .vae)
    case .embedded: checkpoint = try EmbeddedModel.autoencoder()
    case .automatic, .none: checkpoint = nil
    }
    guard let checkpoint else {
      (state, scaling, warning) = (nil, LatentScaling(), nil)
      return
    }
    let state = try AutoencoderState(checkpoint)
    self.state = state
    guard let trained else {
      (scaling, warning) = (LatentScaling(factor: state.scaleFactor), nil)
      return
    }
    guard state.downsamplingFactor == trained.downsamplingFactor else {
      throw PipelineError(
        .unusable,
        "'\(checkpoint.path)' makes latents of 1 / \(state.downsamplingFactor) of the images' size, and"
          + " '\(dit.path)' was trained on 1 / \(trained.downsamplingFactor), those of \(trained.name);"
          + " they do not belong together")
    }
    // A decoder alone has no checksum to compare.
    let isOwn =
      state.kind == trained.kind
      && (!state.canEncode || state.encoderChecksum == trained.checksum)
    checkpoint.releasePages()
    scaling = isOwn ? trained.scaling : ChosenAutoencoder.scaling(trained, decodedBy: state)
    warning =
      isOwn
      ? nil
      : "'\(checkpoint.path)' is \(state.kind) \(state.encoderChecksum), and the model was trained on"
        + " latents of \(trained.name): images are right only if both have the same latents"
  }

  /// What lies between the latents of a run and those of another autoencoder for the same latents: the statistics
  /// that the run noted, or the other one's factor.
  private static func scaling(
    _ trained: RunAutoencoder, decodedBy state: AutoencoderState
  ) -> LatentScaling {
    var scaling = trained.scaling
    guard !scaling.statistics.areNeutral else { return LatentScaling(factor: state.scaleFactor) }
    scaling.statistics = state.statistics(scaling.statistics, ofKind: trained.kind)
    return scaling
  }

  /// The decoder for a model of a number of channels; nil for a model of pixels, and for latents alone.
  ///
  /// - Throws: `PipelineError` if the model needs one, or another.
  func decoder(
    channelCount: Int, of path: String, mode: ExecutionMode, dtype: DType, device: Device
  ) throws -> (any Autoencoder)? {
    guard let state, let checkpoint else {
      guard channelCount == 3 || choice == .none else {
        throw PipelineError(
          .missingAutoencoder,
          "'\(path)' makes latents of \(channelCount) channels"
            + (trained.map { ", those of \($0.name)" } ?? "") + ", not pixels")
      }
      return nil
    }
    let file = checkpoint.path
    let autoencoder = makeAutoencoder(
      state.model(dtype, on: device), encodes: false, mode: mode, device: device
    ) { checkpoint.releasePages() }
    guard autoencoder.canDecode else {
      throw PipelineError(.unusable, "'\(file)' has only the encoder; sampling needs the decoder")
    }
    guard autoencoder.latentChannelCount == channelCount else {
      throw PipelineError(
        .unusable,
        "'\(path)' makes \(channelCount) channels and '\(file)' takes latents of"
          + " \(autoencoder.latentChannelCount); they do not belong together")
    }
    return autoencoder
  }
}

extension AutoencoderState {
  /// The configuration's factor of the latents.
  var scaleFactor: Double {
    switch config {
    case .kl(let config): config.scaleFactor
    case .tiny(let config): config.scaleFactor
    }
  }

  /// Whether there is an encoder.
  var canEncode: Bool {
    switch config {
    case .kl(let config): config.hasEncoder
    case .tiny(let config): !config.encoder.isEmpty
    }
  }

  /// Channels of the latents.
  var latentChannelCount: Int {
    switch config {
    case .kl(let config): config.latentChannelCount
    case .tiny(let config): config.latentChannelCount
    }
  }

  /// Image size over latent size, per side.
  var downsamplingFactor: Int {
    switch config {
    case .kl(let config): config.downsamplingFactor
    case .tiny(let config): config.downsamplingFactor
    }
  }
}
