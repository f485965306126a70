public import ImageData
public import Models
internal import Pipeline
public import Torch

/// Turns images into the latents that the model learns, and back.
public struct LatentCodec {
  /// The autoencoder; nil for a model of pixels, and for cached latents that are not decoded.
  public let autoencoder: (any Autoencoder)?
  /// What is done to latents before the model sees them.
  public internal(set) var scaling: LatentScaling
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
  ///   - scaling: the autoencoder's own factor if nil.
  public init(_ autoencoder: (any Autoencoder)?, scaling: LatentScaling? = nil) {
    self.autoencoder = autoencoder
    self.scaling =
      autoencoder.map { scaling ?? LatentScaling(factor: $0.defaultScaleFactor) } ?? LatentScaling()
    downsamplingFactor = autoencoder?.downsamplingFactor ?? 1
    channelCount = autoencoder?.latentChannelCount ?? 3
    hasPosterior = autoencoder?.hasPosterior ?? false
  }

  /// A codec for the latents of a cache.
  ///
  /// - Parameters:
  ///   - cache: the settings of the cache.
  ///   - autoencoder: the one that made the cache; nil if nothing will be decoded.
  ///   - scaling: the cache's own factor if nil.
  public init(
    cache: LatentCacheSettings, autoencoder: (any Autoencoder)?, scaling: LatentScaling? = nil
  ) {
    self.autoencoder = autoencoder
    self.scaling = scaling ?? LatentScaling(factor: cache.scaleFactor)
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
    return withoutGradients { scaling.scaled(autoencoder.encode(images), noise: noise) }
  }

  /// Scaled latents to images.
  ///
  /// - Parameters:
  ///   - latents: `[N, c, h, w]`.
  ///   - check: called before and during the decoding of each image; may throw to stop.
  /// - Returns: the images, in the order of the rows.
  /// - Throws: what `check` throws.
  public func decode(_ latents: Tensor, check: () throws -> Void = {}) throws -> [RGBImage] {
    try LatentDecoder(autoencoder, scaling: scaling).images(of: latents, check: check)
  }
}
