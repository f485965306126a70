package import Torch

// N batch, c latent channels, h w latents.

/// What lies between the latents of an autoencoder, z, and those of a diffusion model:
/// (z - mean) / deviation x factor, channel by channel.
///
/// Source: Rombach et al. 2022, appendix G, for the factor; the code of LightningDiT (Yao & Wang 2025) for
/// all three.
public struct LatentScaling: Sendable, Equatable, Codable {
  /// Mean and deviation, which are taken off first.
  public var statistics: LatentStatistics
  /// What latents are multiplied by then, above 0.
  public var factor: Double

  /// A factor alone, or statistics and a factor.
  public init(statistics: LatentStatistics = LatentStatistics(), factor: Double = 1) {
    self.statistics = statistics
    self.factor = factor
  }

  /// The latents that a model learns.
  ///
  /// - Parameters:
  ///   - latents: as an encoder predicts them, `[N, c, h, w]`
  ///   - noise: of the posterior, `[N, c, h, w]`; nil for its mean.
  /// - Returns: `[N, c, h, w]`
  package func scaled(_ latents: LatentDistribution, noise: Tensor?) -> Tensor {
    let latents = statistics.normalized(latents)
    return (noise.map { latents.sample(noise: $0) } ?? latents.mean) * factor
  }

  /// The latents that a decoder takes.
  ///
  /// - Parameter latents: those of a model, `[N, c, h, w]`
  /// - Returns: `[N, c, h, w]`
  package func restored(_ latents: Tensor) -> Tensor { statistics.restored(latents / factor) }
}
