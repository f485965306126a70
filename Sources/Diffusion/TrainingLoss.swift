public import Torch

// N batch, C channels, H W image; t: timesteps, [N], int64.

/// How much the squared error of each timestep counts.
public enum LossWeighting: Sendable, Equatable {
  /// All the same, as published.
  case uniform
  /// min(SNR, γ) / SNR (Hang et al. 2023, equation 5, for a network that predicts noise).
  case minSNR(gamma: Double)
}

/// The loss of one batch.
public struct TrainingLoss {
  /// Squared error of the noise, a mean for each row, `[N]`.
  public let squaredError: Tensor
  /// The variational bound in bits, `[N]`; nil for a fixed variance.
  public let variationalBound: Tensor?
  /// What is minimized: the mean over rows of their weighted sum, a scalar.
  public let total: Tensor
}

extension GaussianDiffusion {
  /// The hybrid loss: squared error of the noise, and the variational bound for the variance alone.
  ///
  /// Source: Nichol & Dhariwal 2021, equation 16. As in the code published with DiT, the bound is not
  /// scaled down, is measured in bits, and does not reach the mean.
  ///
  /// - Parameters:
  ///   - output: the network's output for `noised(start, noise:, t:)`, `[N, C or 2 C, H, W]`
  ///   - start: x₀, `[N, C, H, W]`
  ///   - noised: xₜ, `[N, C, H, W]`
  ///   - noise: ε, `[N, C, H, W]`
  ///   - t: timesteps.
  ///   - weighting: how much each timestep's squared error counts.
  /// - Returns: the loss and its parts.
  public func trainingLoss(
    output: Tensor, start: Tensor, noised: Tensor, noise: Tensor, t: Tensor,
    weighting: LossWeighting = .uniform
  ) -> TrainingLoss {
    let channels = start.size(1)
    let predicted = output.narrowed(axis: 1, start: 0, count: channels)
    let squaredError = rowMeans((noise - predicted).squared)
    var rows = squaredError
    if case .minSNR(let gamma) = weighting {
      rows = rows * minSNRWeights(gamma: gamma).gathered(t)
    }
    guard learnsVariance else {
      return TrainingLoss(squaredError: squaredError, variationalBound: nil, total: rows.mean())
    }
    let frozen = concatenated(
      [predicted.detached, output.narrowed(axis: 1, start: channels, count: channels)], axis: 1)
    let bound = variationalBound(output: frozen, start: start, noised: noised, t: t)
    return TrainingLoss(
      squaredError: squaredError, variationalBound: bound, total: (rows + bound).mean())
  }

  /// A term of the variational bound for each row, in bits for each element (Ho et al. 2020,
  /// equations 5 and 13).
  ///
  /// That is the divergence from q(xₜ₋₁ | xₜ, x₀), or at t = 0 the likelihood of x₀ as one of 256
  /// levels in -1 ... 1.
  ///
  /// - Parameters:
  ///   - output: the network's output, `[N, C or 2 C, H, W]`
  ///   - start: x₀, `[N, C, H, W]`
  ///   - noised: xₜ, `[N, C, H, W]`
  ///   - t: timesteps.
  /// - Returns: `[N]`
  public func variationalBound(output: Tensor, start: Tensor, noised: Tensor, t: Tensor) -> Tensor {
    let prediction = prediction(from: output, x: noised, t: t)
    let divergence = normalDivergence(
      mean: posteriorMean(start: start, x: noised, t: t), logVariance: posteriorLogVariance(t: t),
      from: prediction)
    let likelihood = discretizedLogLikelihood(start, prediction)
    let bitsPerNat = 1.4426950408889634
    let isFirst = t.isEqual(to: 0)
    return isFirst.select(-rowMeans(likelihood), else: rowMeans(divergence)) * bitsPerNat
  }

  /// The divergence of two normal distributions, elementwise, in nats.
  private func normalDivergence(
    mean: Tensor, logVariance: Tensor, from other: Prediction
  ) -> Tensor {
    let distance = (mean - other.mean).squared * (-other.logVariance).exponential
    return
      (other.logVariance - logVariance + (logVariance - other.logVariance).exponential
      + distance - 1) * 0.5
  }

  /// The log probability of levels 2/255 apart under a normal distribution (Ho et al. 2020,
  /// equation 13), with the tanh approximation of its distribution function.
  private func discretizedLogLikelihood(_ x: Tensor, _ prediction: Prediction) -> Tensor {
    let centred = x - prediction.mean
    let inverseDeviation = (prediction.logVariance * -0.5).exponential
    let upper = normalDistribution(inverseDeviation * (centred + 1.0 / 255))
    let lower = normalDistribution(inverseDeviation * (centred - 1.0 / 255))
    func log(_ probability: Tensor) -> Tensor { probability.clamped(min: 1e-12).logarithm }
    let inner = x.isGreater(than: 0.999).select(log(-lower + 1), else: log(upper - lower))
    return x.isLess(than: -0.999).select(log(upper), else: inner)
  }

  /// Φ(x) by tanh (Page 1977).
  private func normalDistribution(_ x: Tensor) -> Tensor {
    let cubic = x.addingProduct(x.squared, x, scale: 0.044715)
    return ((cubic * 0.7978845608028654).hyperbolicTangent + 1) * 0.5
  }

  /// For each timestep, `[1000]`.
  private func minSNRWeights(gamma: Double) -> Tensor {
    let ratios = (squareRootAlphaBars / squareRootNoise).squared
    return ratios.clamped(max: gamma) / ratios
  }

  /// The mean of each row, `[N, ...]` to `[N]`.
  private func rowMeans(_ x: Tensor) -> Tensor {
    x.mean(axes: Array(1..<x.rank))
  }
}
