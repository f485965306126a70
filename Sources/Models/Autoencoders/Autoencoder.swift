public import Torch

// N batch, C image channels, c latent channels, H W image, h w latents.

/// Maps images to latents and back.
public protocol Autoencoder {
  /// Height and width of an image over those of its latents.
  var downsamplingFactor: Int { get }
  /// Channels of the latents, c.
  var latentChannelCount: Int { get }
  /// What latents are multiplied by before a diffusion model sees them, if nothing else is said.
  var defaultScaleFactor: Double { get }
  /// Whether latents have a spread, so that encoding draws noise.
  var hasPosterior: Bool { get }
  /// Whether the file had the encoder.
  var canEncode: Bool { get }
  /// Whether the file had the decoder.
  var canDecode: Bool { get }

  /// Images to the distribution of their latents; `canEncode` must be true.
  ///
  /// - Parameter images: `[N, 3, H, W]` in -1 ... 1; H and W are multiples of the factor.
  /// - Returns: latents `[N, c, h, w]`, before the scale factor.
  func encode(_ images: Tensor) -> LatentDistribution

  /// Latents, divided by the scale factor, to images; `canDecode` must be true.
  ///
  /// - Parameter latents: `[N, c, h, w]`
  /// - Returns: `[N, 3, H, W]`, about -1 ... 1
  func decode(_ latents: Tensor) -> Tensor

  /// The same as `encode`, but for a check before the work and between its steps.
  ///
  /// - Parameters:
  ///   - images: as above.
  ///   - check: throws to stop.
  /// - Returns: as above.
  /// - Throws: what `check` throws.
  func encode(_ images: Tensor, check: () throws -> Void) throws -> LatentDistribution

  /// The same as `decode`, but for a check before the work and between its steps.
  ///
  /// - Parameters:
  ///   - latents: as above.
  ///   - check: throws to stop.
  /// - Returns: as above.
  /// - Throws: what `check` throws.
  func decode(_ latents: Tensor, check: () throws -> Void) throws -> Tensor
}

extension Autoencoder {
  /// In one step.
  public func encode(_ images: Tensor, check: () throws -> Void) throws -> LatentDistribution {
    try check()
    return encode(images)
  }

  /// In one step.
  public func decode(_ latents: Tensor, check: () throws -> Void) throws -> Tensor {
    try check()
    return decode(latents)
  }
}

/// What an encoder says of the latents of images.
public struct LatentDistribution {
  /// `[N, c, h, w]`
  public let mean: Tensor
  /// The log of the variance, `[N, c, h, w]`; nil where there is no spread.
  public let logVariance: Tensor?

  /// A distribution, or a point if there is no variance.
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

/// Why the tensors of a file are not those of a known model.
public struct ModelError: Error, CustomStringConvertible, Equatable {
  /// What is wrong and what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  /// Makes an error.
  public init(_ message: String) { self.message = message }
}
