package import Torch

// N batch, c latent channels, h w latents.

/// Mean and standard deviation of an autoencoder's latents, which are taken off before the scale factor
/// and put back before decoding.
///
/// Source: diffusers, `shift_factor` in `StableDiffusion3Pipeline`, `latents_mean` and `latents_std` in
/// `StableDiffusionXLPipeline`.
public struct LatentStatistics: Sendable, Equatable, Codable {
  /// Of each channel, or one for all; empty for 0.
  public var means: [Double]
  /// Of each channel, all above 0; empty for 1.
  public var deviations: [Double]

  /// Statistics; without arguments those that change nothing.
  public init(means: [Double] = [], deviations: [Double] = []) {
    self.means = means
    self.deviations = deviations
  }

  /// Why they cannot be those of some channels; nil if they can.
  ///
  /// - Parameter channelCount: c, of the latents.
  /// - Returns: what is wrong, in words.
  package func fault(channelCount: Int) -> String? {
    for (name, values) in [("means", means), ("standard deviations", deviations)]
    where ![0, 1, channelCount].contains(values.count) {
      return "\(values.count) \(name) for \(channelCount) channels of latents"
    }
    guard means.allSatisfy(\.isFinite) else { return "a mean that is not finite" }
    if let wrong = deviations.first(where: { !($0 > 0 && $0.isFinite) }) {
      return "a standard deviation of \(wrong), which must be above 0 and finite"
    }
    return nil
  }

  /// Whether they change nothing.
  public var areNeutral: Bool {
    means.allSatisfy { $0 == 0 } && deviations.allSatisfy { $0 == 1 }
  }

  /// The statistics of latents times a factor.
  package func multiplied(by factor: Double) -> LatentStatistics {
    LatentStatistics(
      means: means.map { $0 * factor },
      deviations: (deviations.isEmpty ? [1] : deviations).map { $0 * factor })
  }

  /// (z - mean) / deviation
  ///
  /// - Parameter latents: as the encoder predicts them, `[N, c, h, w]`
  /// - Returns: the distribution before the scale factor, `[N, c, h, w]`
  package func normalized(_ latents: LatentDistribution) -> LatentDistribution {
    guard !areNeutral else { return latents }
    var (mean, logVariance) = (latents.mean, latents.logVariance)
    if !means.isEmpty { mean = mean - factors(means, like: mean) }
    if !deviations.isEmpty {
      mean = mean / factors(deviations, like: mean)
      logVariance = logVariance.map {
        $0 - factors(deviations, like: $0).logarithm * 2
      }
    }
    return LatentDistribution(mean: mean, logVariance: logVariance)
  }

  /// z deviation + mean, `[N, c, h, w]`
  package func restored(_ latents: Tensor) -> Tensor {
    guard !areNeutral else { return latents }
    var latents = latents
    if !deviations.isEmpty { latents = latents * factors(deviations, like: latents) }
    if !means.isEmpty { latents = latents + factors(means, like: latents) }
    return latents
  }

  /// One number for each channel, or for all, `[1, c, 1, 1]`.
  private func factors(_ values: [Double], like tensor: Tensor) -> Tensor {
    Tensor(values.map(Float.init)).reshaped([1, values.count, 1, 1]).to(tensor.dtype)
      .to(tensor.device)
  }
}
