public import Torch

// N batch, C channels, H W image; t: places in the schedule, [N] or [1] for all rows, int64.

/// The Gaussian diffusion process over a noise schedule, with a network that predicts the noise.
///
/// Source: Ho et al. 2020; learned variance: Nichol & Dhariwal 2021, section 3.1. Tables are float64
/// and become float32 where they meet latents, as in the code that those papers' authors published.
public struct GaussianDiffusion {
  /// The steps.
  public let schedule: NoiseSchedule
  /// Whether the network gives the variance in a second half of its channels.
  public let learnsVariance: Bool

  let places: Tensor  // the numbers of the steps, int64, so that none has to be copied to a device
  let alphaBars: Tensor
  let previousAlphaBars: Tensor
  let squareRootAlphaBars: Tensor
  let squareRootNoise: Tensor
  let reciprocalSignal: Tensor
  let reciprocalNoise: Tensor
  let posteriorMeanX0: Tensor
  let posteriorMeanXt: Tensor
  let posteriorLogVariances: Tensor
  let logBetas: Tensor
  let fixedLargeLogVariances: Tensor

  /// What the network's output says of xₜ₋₁.
  public struct Prediction {
    /// The mean of p(xₜ₋₁ | xₜ), `[N, C, H, W]`.
    public let mean: Tensor
    /// The log of its variance, `[N, C, H, W]` or a shape that broadcasts to it.
    public let logVariance: Tensor
    /// The predicted x₀, never clipped, `[N, C, H, W]`.
    public let start: Tensor
  }

  /// The process on a device.
  public init(_ schedule: NoiseSchedule, learnsVariance: Bool, device: Device = .cpu) {
    self.schedule = schedule
    self.learnsVariance = learnsVariance
    func table(_ values: [Double]) -> Tensor { Tensor(values).to(.float32).to(device) }
    places = Tensor.range(schedule.count, dtype: .int64, device: device)
    let alphaBars = schedule.alphaBars
    self.alphaBars = table(alphaBars)
    previousAlphaBars = table(schedule.previousAlphaBars)
    squareRootAlphaBars = table(alphaBars.map { $0.squareRoot() })
    squareRootNoise = table(alphaBars.map { (1 - $0).squareRoot() })
    reciprocalSignal = table(alphaBars.map { (1 / $0).squareRoot() })
    reciprocalNoise = table(alphaBars.map { (1 / $0 - 1).squareRoot() })
    posteriorMeanX0 = table(schedule.posteriorMeanX0Coefficients)
    posteriorMeanXt = table(schedule.posteriorMeanXtCoefficients)
    posteriorLogVariances = table(schedule.posteriorLogVariances)
    logBetas = Tensor(schedule.betas).logarithm.to(.float32).to(device)
    fixedLargeLogVariances = table(schedule.fixedLargeLogVariances)
  }

  /// Noises x₀ to step t: √ᾱ x₀ + √(1 - ᾱ) ε (equation 4).
  public func noised(_ start: Tensor, noise: Tensor, t: Tensor) -> Tensor {
    (at(t, squareRootAlphaBars) * start).addingProduct(at(t, squareRootNoise), noise)
  }

  /// x₀ from xₜ and the predicted noise (equation 15, right side).
  public func start(from x: Tensor, noise: Tensor, t: Tensor) -> Tensor {
    at(t, reciprocalSignal) * x - at(t, reciprocalNoise) * noise
  }

  /// The mean of q(xₜ₋₁ | xₜ, x₀) (equation 7).
  public func posteriorMean(start: Tensor, x: Tensor, t: Tensor) -> Tensor {
    at(t, posteriorMeanX0) * start + at(t, posteriorMeanXt) * x
  }

  /// The log variance of q(xₜ₋₁ | xₜ, x₀), as `[N, 1, 1, 1]`.
  public func posteriorLogVariance(t: Tensor) -> Tensor { at(t, posteriorLogVariances) }

  /// Reads the network's output.
  ///
  /// - Parameters:
  ///   - output: `[N, C, H, W]`, or `[N, 2 C, H, W]` with a learned variance.
  ///   - x: xₜ, `[N, C, H, W]`
  ///   - t: places in the schedule.
  /// - Returns: mean, variance and x₀.
  public func prediction(from output: Tensor, x: Tensor, t: Tensor) -> Prediction {
    let channels = x.size(1)
    let noise = output.narrowed(axis: 1, start: 0, count: channels)
    let start = start(from: x, noise: noise, t: t)
    let logVariance =
      learnsVariance
      ? learnedLogVariance(output.narrowed(axis: 1, start: channels, count: channels), t: t)
      : at(t, fixedLargeLogVariances)
    return Prediction(
      mean: posteriorMean(start: start, x: x, t: t), logVariance: logVariance, start: start)
  }

  /// Between log β̃ and log β, where the network says (Nichol & Dhariwal 2021, equation 15).
  private func learnedLogVariance(_ values: Tensor, t: Tensor) -> Tensor {
    let fraction = (values + 1) / 2
    return fraction * at(t, logBetas) + (-fraction + 1) * at(t, posteriorLogVariances)
  }

  /// Values of a table at places, as `[N, 1, 1, 1]`.
  func at(_ t: Tensor, _ table: Tensor) -> Tensor {
    table.gathered(t).reshaped([-1, 1, 1, 1])
  }
}
