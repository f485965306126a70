public import ImageData
public import Models
public import Torch

/// Pixels to what the diffusion model sees, and back.
public struct LatentCodec {
  /// None for a model that makes pixels, and where latents are at hand already.
  public let autoencoder: (any Autoencoder)?
  /// What latents are multiplied by.
  public let scaleFactor: Double
  /// Height and width of an image over those of its latents.
  public let downsamplingFactor: Int
  /// Channels of the latents.
  public let channelCount: Int
  /// Whether latents have a spread, so that encoding draws noise.
  public let hasPosterior: Bool

  /// A codec.
  ///
  /// - Parameters:
  ///   - autoencoder: nil for a model that makes pixels, which are not scaled.
  ///   - scaleFactor: the autoencoder's own if nil.
  public init(_ autoencoder: (any Autoencoder)?, scaleFactor: Double? = nil) {
    self.autoencoder = autoencoder
    self.scaleFactor = autoencoder.map { scaleFactor ?? $0.defaultScaleFactor } ?? 1
    downsamplingFactor = autoencoder?.downsamplingFactor ?? 1
    channelCount = autoencoder?.latentChannelCount ?? 3
    hasPosterior = autoencoder?.hasPosterior ?? false
  }

  /// A codec for the latents of a cache.
  ///
  /// - Parameters:
  ///   - cache: what the cache holds.
  ///   - autoencoder: the one that made it; nil if nothing will be encoded or decoded.
  ///   - scaleFactor: the cache's own if nil.
  public init(
    cache: LatentCacheSettings, autoencoder: (any Autoencoder)?, scaleFactor: Double? = nil
  ) {
    self.autoencoder = autoencoder
    self.scaleFactor = scaleFactor ?? cache.scaleFactor
    downsamplingFactor = cache.downsamplingFactor
    channelCount = cache.latentShape[0]
    hasPosterior = cache.hasLogVariance
  }

  /// Images to scaled latents.
  ///
  /// - Parameters:
  ///   - images: `[N, 3, H, W]` in -1 ... 1
  ///   - noise: standard normal, `[N, c, h, w]`, where latents have a spread.
  /// - Returns: `[N, c, h, w]`
  public func encode(_ images: Tensor, noise: Tensor?) -> Tensor {
    guard let autoencoder else { return images }
    return withoutGradients {
      let latents = autoencoder.encode(images)
      return (noise.map { latents.sample(noise: $0) } ?? latents.mean) * scaleFactor
    }
  }

  /// Scaled latents to images.
  ///
  /// - Parameters:
  ///   - latents: `[N, c, h, w]`
  ///   - check: called before each image that is decoded, and within; throws to stop.
  /// - Returns: the images, in the order of the rows.
  /// - Throws: what `check` throws.
  public func decode(_ latents: Tensor, check: () throws -> Void = {}) throws -> [RGBImage] {
    try withoutGradients {
      try (0..<latents.size(0)).map { index in
        let scaled = latents[index..<index + 1] / scaleFactor
        return RGBImage(try autoencoder?.decode(scaled, check: check) ?? scaled)
      }
    }
  }
}
