public import ImageData
public import Models
internal import Pipeline
public import Torch

/// Turns images into the latents that the model learns, and back.
public struct LatentCodec {
  /// The autoencoder; nil for a model of pixels, and for cached latents that are not decoded.
  public let autoencoder: (any Autoencoder)?
  /// The factor of the latents.
  public let scaleFactor: Double
  /// Image size over latent size.
  public let downsamplingFactor: Int
  /// Channels of the latents.
  public let channelCount: Int
  /// Whether latents have a variance, so that encoding draws noise.
  public let hasPosterior: Bool

  /// A codec for images.
  ///
  /// - Parameters:
  ///   - autoencoder: nil for a model of pixels, which are not scaled.
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
  ///   - cache: the settings of the cache.
  ///   - autoencoder: the one that made the cache; nil if nothing will be decoded.
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
  ///   - images: `[N, 3, H, W]`, -1 ... 1.
  ///   - noise: standard normal, `[N, c, h, w]`, if latents have a variance; nil for their mean.
  /// - Returns: `[N, c, h, w]`.
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
  ///   - latents: `[N, c, h, w]`.
  ///   - check: called before and during the decoding of each image; may throw to stop.
  /// - Returns: the images, in the order of the rows.
  /// - Throws: what `check` throws.
  public func decode(_ latents: Tensor, check: () throws -> Void = {}) throws -> [RGBImage] {
    try LatentDecoder(autoencoder, scaleFactor: scaleFactor).images(of: latents, check: check)
  }
}
