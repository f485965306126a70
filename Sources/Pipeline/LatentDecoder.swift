public import ImageData
public import Models
public import Torch

/// Turns latents into images.
public struct LatentDecoder {
  /// nil for a model that makes pixels.
  public let autoencoder: (any Autoencoder)?
  /// What latents were multiplied by before the model saw them.
  public let scaleFactor: Double
  /// What the autoencoder computes in.
  public let dtype: DType

  /// A decoder.
  ///
  /// - Parameters:
  ///   - autoencoder: nil for a model that makes pixels.
  ///   - scaleFactor: what latents were multiplied by.
  ///   - dtype: the type of the autoencoder's parameters.
  public init(
    _ autoencoder: (any Autoencoder)?, scaleFactor: Double, dtype: DType = .float32
  ) {
    self.autoencoder = autoencoder
    self.scaleFactor = scaleFactor
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
        let scaled = latents[index..<index + 1].to(.float32) / scaleFactor
        let decoded = try autoencoder?.decode(scaled.to(dtype), check: check)
        return RGBImage(decoded?.to(.float32) ?? scaled)
      }
    }
  }
}
