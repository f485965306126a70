public import ImageData
public import Models
public import Torch

/// Turns latents into images.
public struct LatentDecoder {
  /// nil for a model that makes pixels.
  public let autoencoder: (any Autoencoder)?
  /// What was done to latents before the model saw them.
  public let scaling: LatentScaling
  /// What the autoencoder computes in.
  public let dtype: DType

  /// A decoder.
  ///
  /// - Parameters:
  ///   - autoencoder: nil for a model that makes pixels.
  ///   - scaling: what was done to latents before the model saw them.
  ///   - dtype: the type of the autoencoder's parameters.
  public init(
    _ autoencoder: (any Autoencoder)?, scaling: LatentScaling, dtype: DType = .float32
  ) {
    self.autoencoder = autoencoder
    self.scaling = scaling
    self.dtype = dtype
  }

  /// Decodes latents, as they leave the sampler, one image at a time.
  ///
  /// - Parameters:
  ///   - latents: `[N, C, h, w]`
  ///   - check: called before each image and while it is decoded; throws to stop.
  /// - Returns: N images.
  /// - Throws: what `check` throws.
  public func images(of latents: Tensor, check: () throws -> Void = {}) throws -> [RGBImage] {
    try withoutGradients {
      try (0..<latents.size(0)).map { index in
        let restored = scaling.restored(latents[index..<index + 1].to(.float32))
        let decoded = try autoencoder?.decode(restored.to(dtype), check: check)
        return RGBImage(decoded?.to(.float32) ?? restored)
      }
    }
  }
}
