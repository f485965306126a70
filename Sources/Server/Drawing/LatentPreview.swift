internal import Checkpoint
internal import ImageData
internal import Models
internal import Pipeline
internal import Torch

/// Makes small pictures of latents, in far less time than the autoencoder.
struct LatentPreview {
  private enum Kind {
    /// The latents are pixels.
    case pixels
    /// A small autoencoder for the same latents.
    case decoder(LatentDecoder)
    /// Red, green and blue as linear functions of the channels.
    case linear(LinearMap)
  }

  private var kind: Kind

  /// Previews of a pipeline.
  ///
  /// - Parameters:
  ///   - pipeline: decodes some latents, from which a linear map is found.
  ///   - file: of a small autoencoder for the same latents; nil for none.
  /// - Throws: `PipelineError` or `CheckpointError` for a file that is no such autoencoder; `FileError`;
  ///   `TorchError` if memory does not suffice.
  init(_ pipeline: LatentDiffusionPipeline, file: String?) throws {
    let channels = pipeline.model.channelCount
    if let file {
      kind = .decoder(try pipeline.previewDecoder(file))
      return
    }
    guard pipeline.autoencoder != .none, pipeline.autoencoder != .automatic else {
      kind = .pixels
      return
    }
    var map = LinearMap(channelCount: channels)
    let size = pipeline.model.inputSize
    let noise = Tensor.randn(
      [1, channels, max(size / 4, 1), max(size / 4, 1)], generator: try Generator(seed: 0))
    // Smooth, as the latents of images are.
    let latents = resizedBicubicWithoutFilter(noise, height: size, width: size)
    for image in try pipeline.decode(latents.to(pipeline.device)) {
      map.learn(latents, image, weight: LinearMap.trialWeight)
    }
    kind = .linear(map)
  }

  /// A preview of an image.
  ///
  /// - Parameters:
  ///   - data: the predicted x₀, `[1, C, h, w]`
  ///   - pipeline: the same as in the beginning.
  /// - Returns: of the size of the pipeline's images.
  /// - Throws: `TorchError` if memory does not suffice.
  func image(_ data: Tensor, _ pipeline: LatentDiffusionPipeline) throws -> RGBImage {
    try withTorchErrors {
      switch kind {
      case .pixels: return RGBImage(data.to(.float32) / pipeline.scaling.factor)
      case .decoder(let decoder): return try decoder.images(of: data)[0]
      case .linear(let map):
        let size = pipeline.imageSize
        return RGBImage(
          resizedBicubicWithoutFilter(map.pixels(data), height: size, width: size))
      }
    }
  }

  /// Learns from a finished image.
  ///
  /// - Parameters:
  ///   - latents: `[1, C, h, w]`
  ///   - image: what they decode to.
  /// - Throws: `TorchError` if memory does not suffice.
  mutating func learn(_ latents: Tensor, _ image: RGBImage) throws {
    guard case .linear(var map) = kind else { return }
    try withTorchErrors { map.learn(latents, image) }
    kind = .linear(map)
  }
}
