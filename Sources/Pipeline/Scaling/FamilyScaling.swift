package import Diffusion
internal import Models

extension ModelFamily {
  /// What the published code of the family does to latents, the same for all its models; nil for what
  /// the autoencoder or a file of statistics says.
  var latentScaling: LatentScaling? {
    switch self {
    case .dit, .sit, .repa, .lightningdit, .meansit: nil
    // The latents of sd-vae-ft-mse.
    case .meanflow:
      LatentScaling(
        statistics: LatentStatistics(
          means: [0.86488, -0.27787343, 0.21616915, 0.3738409],
          deviations: [4.85503674, 5.31922414, 3.93725398, 3.9870003]))
    }
  }

  /// Whether the published models have latents normalized by channel, by statistics in a file.
  package var hasLatentStatistics: Bool { self == .lightningdit }

  /// Image size over latent size of the published models of latents.
  package var downsamplingFactor: Int { self == .lightningdit ? 16 : 8 }
}
