public import Torch

// N batch, C image channels, c latent channels, H W image, h w latents.

/// Maps images to latents and back.
public protocol Autoencoder {
  /// Image size over latent size, per side.
  var downsamplingFactor: Int { get }
  /// Channels of the latents, c.
  var latentChannelCount: Int { get }
  /// The factor on latents before a diffusion model sees them, unless the user sets another.
  var defaultScaleFactor: Double { get }
  /// Whether the encoder predicts a variance, so that encoding draws noise.
  var hasPosterior: Bool { get }
  /// Whether there is an encoder.
  var canEncode: Bool { get }
  /// Whether there is a decoder.
  var canDecode: Bool { get }

  /// Encodes images; `canEncode` must be true.
  ///
  /// - Parameter images: `[N, 3, H, W]` in -1 ... 1; H and W are multiples of the downsampling factor.
  /// - Returns: the distribution of the latents, `[N, c, h, w]`, before the scale factor.
  func encode(_ images: Tensor) -> LatentDistribution

  /// Decodes latents; `canDecode` must be true.
  ///
  /// - Parameter latents: `[N, c, h, w]`, divided by the scale factor.
  /// - Returns: `[N, 3, H, W]`, about -1 ... 1
  func decode(_ latents: Tensor) -> Tensor

  /// Encodes images, with a check at the start and between layers.
  ///
  /// - Parameters:
  ///   - images: `[N, 3, H, W]` in -1 ... 1
  ///   - check: throws to stop.
  /// - Returns: the distribution of the latents, `[N, c, h, w]`.
  /// - Throws: what `check` throws.
  func encode(_ images: Tensor, check: () throws -> Void) throws -> LatentDistribution

  /// Decodes latents, with a check at the start and between layers.
  ///
  /// - Parameters:
  ///   - latents: `[N, c, h, w]`, divided by the scale factor.
  ///   - check: throws to stop.
  /// - Returns: `[N, 3, H, W]`, about -1 ... 1
  /// - Throws: what `check` throws.
  func decode(_ latents: Tensor, check: () throws -> Void) throws -> Tensor
}

extension Autoencoder {
  /// Encodes images after one check.
  public func encode(_ images: Tensor, check: () throws -> Void) throws -> LatentDistribution {
    try check()
    return encode(images)
  }

  /// Decodes latents after one check.
  public func decode(_ latents: Tensor, check: () throws -> Void) throws -> Tensor {
    try check()
    return decode(latents)
  }
}

/// The Gaussian distribution of latents that an encoder predicts.
public struct LatentDistribution {
  /// `[N, c, h, w]`
  public let mean: Tensor
  /// `[N, c, h, w]`; nil if the latents are exact.
  public let logVariance: Tensor?

  /// A distribution, or exact latents if the variance is nil.
  public init(mean: Tensor, logVariance: Tensor? = nil) {
    self.mean = mean
    self.logVariance = logVariance
  }

  /// mean + σ noise (Kingma & Welling 2014, section 2.4).
  ///
  /// - Parameter noise: standard normal, `[N, c, h, w]`
  /// - Returns: latents, `[N, c, h, w]`
  public func sample(noise: Tensor) -> Tensor {
    guard let logVariance else { return mean }
    return mean.addingProduct((logVariance * 0.5).exponential, noise)
  }
}
