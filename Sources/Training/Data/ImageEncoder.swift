internal import Checkpoint
internal import Inference
internal import Models
internal import Pipeline
internal import Torch

/// An autoencoder with its encoder, opened from a checkpoint.
struct ImageEncoder {
  /// The checkpoint's file or folder.
  let path: String
  /// The model, packed for the device.
  let autoencoder: any Autoencoder
  /// The kind of the autoencoder, for manifests.
  let kind: String
  /// The checksum of the encoder's weights.
  let checksum: String
  /// Mean and deviation of its latents, which it takes off itself.
  let statistics: LatentStatistics
  /// What the file left open about the autoencoder.
  let findings: [StateFinding]

  /// Opens an autoencoder.
  ///
  /// - Parameters:
  ///   - path: its file or folder.
  ///   - decodes: whether latents will be decoded too.
  ///   - device: of the model.
  /// - Throws: `TrainingError` if it lacks what is needed, or has numbers that are not finite;
  ///   `CheckpointError`, `PipelineError`.
  init(_ path: String, decodes: Bool = false, device: Device) throws {
    let checkpoint = try Checkpoint.openModel(path, part: .vae)
    let state = try AutoencoderState(checkpoint)
    let autoencoder = makeAutoencoder(state.model(on: device), mode: .graph, device: device) {
      checkpoint.releasePages()
    }
    guard autoencoder.canEncode else {
      throw TrainingError(
        .encoderMissing, "'\(path)' has only the decoder; training needs the encoder")
    }
    guard autoencoder.canDecode || !decodes else {
      throw TrainingError(
        .samplesNeedDecoder, "sample grids need the decoder, which '\(path)' lacks")
    }
    let used = state.names.filter { decodes || StateDicts.isEncoderParameter($0) }
    try WeightCheck.check(
      used.lazy.compactMap { name in state.tensors[name].map { (name, $0) } }, of: path)
    checkpoint.releasePages()
    self.path = path
    self.autoencoder = autoencoder
    kind = state.kind
    statistics = state.statistics
    findings = state.findings
    checksum = state.encoderChecksum
  }

  /// Checks that this autoencoder made the latents of a cache.
  ///
  /// - Throws: `TrainingError`.
  func requireMaker(of settings: LatentCacheSettings, path cache: String) throws {
    guard (kind, checksum) == (settings.autoencoderKind, settings.autoencoderChecksum) else {
      throw TrainingError(
        .otherAutoencoder,
        "'\(path)' is \(kind) \(checksum), and the latents of '\(cache)' are of"
          + " \(settings.autoencoderName)")
    }
  }
}
