package import Diffusion
internal import Models

extension ModelFamily {
  /// What the published code of the family does to latents, the same for all its models; nil for what
  /// the autoencoder or a file of statistics says.
  var latentScaling: LatentScaling? {
    switch self {
    case .dit, .sit, .repa, .lightningdit: nil
    }
  }

  /// Whether the published models have latents normalized by channel, by statistics in a file.
  package var hasLatentStatistics: Bool { self == .lightningdit }

  /// Image size over latent size of the published models of latents.
  package var downsamplingFactor: Int { self == .lightningdit ? 16 : 8 }
}
