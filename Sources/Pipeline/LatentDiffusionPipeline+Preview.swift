internal import Checkpoint
internal import Inference
internal import Models
internal import Torch

extension LatentDiffusionPipeline {
  /// Another decoder for the same latents, such as a smaller one for previews.
  ///
  /// - Parameter path: the autoencoder's file or folder.
  /// - Returns: the decoder, in float32.
  /// - Throws: `PipelineError` if it is for other latents, or has no decoder; `CheckpointError`;
  ///   `FileError`; `TorchError` if memory does not suffice.
  package func previewDecoder(_ path: String) throws -> LatentDecoder {
    let checkpoint = try Checkpoint.openModel(path, part: .vae)
    let state = try AutoencoderState(checkpoint)
    let autoencoder = try withTorchErrors {
      makeAutoencoder(
        state.model(.float32, on: device), encodes: false, mode: .graph, device: device
      ) { checkpoint.releasePages() }
    }
    guard autoencoder.canDecode else {
      throw PipelineError(.unusable, "'\(path)' has only the encoder; previews need the decoder")
    }
    let size = model.inputSize * state.downsamplingFactor
    guard autoencoder.latentChannelCount == model.channelCount, size == imageSize else {
      throw PipelineError(
        .unusable,
        "'\(path)' is for latents of \(autoencoder.latentChannelCount) channels and images of"
          + " \(size) pixels; the model has \(model.channelCount) and \(imageSize)")
    }
    return LatentDecoder(autoencoder, scaling: scaling(ofPreviewsBy: state))
  }

  /// What lies between the model's latents and those of a smaller autoencoder, which are the larger one's
  /// times its factor.
  private func scaling(ofPreviewsBy small: AutoencoderState) -> LatentScaling {
    guard !scaling.statistics.areNeutral else { return LatentScaling(factor: small.scaleFactor) }
    let ratio = (ownAutoencoderFactor ?? small.scaleFactor) / small.scaleFactor
    var result = scaling
    result.statistics = result.statistics.multiplied(by: ratio)
    return result
  }
}
