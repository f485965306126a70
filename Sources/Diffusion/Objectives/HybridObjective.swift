public import Torch

// N batch, C channels, H W image; t: timesteps, [N], int64.

/// The loss of a DDPM: the squared error of the noise and, for a learned variance, the variational
/// bound.
///
/// Source: Nichol & Dhariwal 2021, equation 16. As in the code published with DiT, the bound is not
/// scaled down, is measured in bits, and does not reach the mean. Tables are float64 and become float32
/// where they meet latents.
public struct HybridObjective: Objective {
  private let parametrization: Parametrization
  private let weights: Tensor?
  private let sqrtAlphaBars: Tensor
  private let sqrtOneMinusAlphaBars: Tensor
  private let x0Latents: Tensor
  private let x0Output: Tensor
  private let posteriorMeanX0: Tensor
  private let posteriorMeanXt: Tensor
  private let posteriorLogVariances: Tensor
  private let logBetas: Tensor

  /// The objective over all timesteps of a schedule.
  ///
  /// - Parameters:
  ///   - schedule: the diffusion process.
  ///   - learnsVariance: whether a second half of the output's channels holds the variance.
  ///   - weighting: the weight of each timestep's squared error.
  ///   - device: where it is computed.
  public init(
    _ schedule: NoiseSchedule = .linear, learnsVariance: Bool,
    weighting: LossWeighting = .uniform, device: Device = .cpu
  ) {
    func table(_ values: [Double]) -> Tensor { Tensor(values).to(.float32).to(device) }
    parametrization = .noise(learnsVariance: learnsVariance)
    weights = weighting.weights(of: schedule, device: device)
    sqrtAlphaBars = table(schedule.alphaBars.map { $0.squareRoot() })
    sqrtOneMinusAlphaBars = table(schedule.alphaBars.map { (1 - $0).squareRoot() })
    let x0 = schedule.timesteps.map { [parametrization] in
      parametrization.x0(at: schedule.point(at: Double($0)))
    }
    x0Latents = table(x0.map(\.latents))
    x0Output = table(x0.map(\.output))
    posteriorMeanX0 = table(schedule.posteriorMeanX0Coefficients)
    posteriorMeanXt = table(schedule.posteriorMeanXtCoefficients)
    posteriorLogVariances = table(schedule.posteriorLogVariances)
    logBetas = table(schedule.logBetas)
  }

  /// xₜ = √ᾱ x₀ + √(1 - ᾱ) ε (Ho et al. 2020, equation 4).
  public func addNoise(_ x0: Tensor, noise: Tensor, t: Tensor) -> Tensor {
    (at(t, sqrtAlphaBars) * x0).addingProduct(at(t, sqrtOneMinusAlphaBars), noise)
  }

  public func loss(
    x0: Tensor, noise: Tensor, t: Tensor, network: (_ xt: Tensor, _ t: Tensor) throws -> Tensor
  ) rethrows -> TrainingLoss {
    let xt = withoutGradients { addNoise(x0, noise: noise, t: t) }
    let output = try network(xt, t)
    let channels = x0.size(1)
    let predicted = output.narrowed(axis: 1, start: 0, count: channels)
    let squaredError = rowMeans((noise - predicted).squared)
    let weighted = weights.map { squaredError * $0.gathered(t) } ?? squaredError
    guard parametrization.learnsVariance else {
      return TrainingLoss(squaredError: squaredError, variationalBound: nil, total: weighted.mean())
    }
    let frozen = concatenated(
      [predicted.detached, output.narrowed(axis: 1, start: channels, count: channels)], axis: 1)
    let bound = variationalBound(output: frozen, x0: x0, xt: xt, t: t)
    return TrainingLoss(
      squaredError: squaredError, variationalBound: bound, total: (weighted + bound).mean())
  }

  /// The variational bound of each row, in bits per element (Ho et al. 2020, equations 5 and 13).
  ///
  /// It is the divergence from q(xₜ₋₁ | xₜ, x₀), or at t = 0 the likelihood of x₀ as one of 256 levels
  /// in -1 ... 1.
  ///
  /// - Parameters:
  ///   - output: of a network with a learned variance, `[N, 2 C, H, W]`
  ///   - x0: clean latents, `[N, C, H, W]`
  ///   - xt: noised latents, `[N, C, H, W]`
  ///   - t: timesteps.
  /// - Returns: `[N]`
  public func variationalBound(output: Tensor, x0: Tensor, xt: Tensor, t: Tensor) -> Tensor {
    let channels = x0.size(1)
    let predicted = output.narrowed(axis: 1, start: 0, count: channels)
    let posterior = Normal(
      mean: posteriorMean(x0: x0, xt: xt, t: t), logVariance: at(t, posteriorLogVariances))
    let model = Normal(
      mean: posteriorMean(
        x0: at(t, x0Latents) * xt + at(t, x0Output) * predicted, xt: xt, t: t),
      logVariance: Parametrization.logVariance(
        output.narrowed(axis: 1, start: channels, count: channels),
        between: at(t, posteriorLogVariances), and: at(t, logBetas)))
    let bitsPerNat = 1.4426950408889634
    return t.isEqual(to: 0).select(
      -rowMeans(model.discretizedLogLikelihood(of: x0)),
      else: rowMeans(posterior.divergence(from: model))) * bitsPerNat
  }

  /// The mean of q(xₜ₋₁ | xₜ, x₀) (Ho et al. 2020, equation 7).
  private func posteriorMean(x0: Tensor, xt: Tensor, t: Tensor) -> Tensor {
    at(t, posteriorMeanX0) * x0 + at(t, posteriorMeanXt) * xt
  }

  /// A table's values at timesteps, `[N, 1, 1, 1]`.
  private func at(_ t: Tensor, _ table: Tensor) -> Tensor {
    table.gathered(t).reshaped([-1, 1, 1, 1])
  }

  /// The mean of each row, `[N, ...]` to `[N]`.
  private func rowMeans(_ x: Tensor) -> Tensor {
    x.mean(axes: Array(1..<x.rank))
  }
}
