public import Torch

/// How to go from noise to an image.
public enum Sampler: String, CaseIterable, Sendable {
  /// Ancestral sampling (Ho et al. 2020, algorithm 2).
  case ddpm
  /// Denoising diffusion implicit models (Song et al. 2021).
  case ddim

  /// The steps taken when nothing else is said.
  public var defaultStepCount: Int {
    switch self {
    case .ddpm: 250
    case .ddim: 50
    }
  }
}

extension GaussianDiffusion {
  /// One step of a sampler, from xₜ to xₜ₋₁.
  ///
  /// - Parameters:
  ///   - sampler: which.
  ///   - x: xₜ, `[N, C, H, W]`
  ///   - output: the network's output for xₜ, `[N, C or 2 C, H, W]`
  ///   - step: t, the place in the schedule; at 0 no noise is added.
  ///   - noise: standard normal, `[N, C, H, W]`
  ///   - eta: DDIM's share of fresh noise, 0 for none.
  /// - Returns: xₜ₋₁, `[N, C, H, W]`
  public func step(
    _ sampler: Sampler, _ x: Tensor, output: Tensor, step: Int, noise: Tensor, eta: Double = 0
  ) -> Tensor {
    let t = places[step..<step + 1]
    let prediction = prediction(from: output, x: x, t: t)
    switch sampler {
    case .ddpm:
      guard step > 0 else { return prediction.mean }
      return prediction.mean + (prediction.logVariance * 0.5).exponential * noise
    case .ddim:
      return ddim(prediction, x, t: t, noise: step > 0 ? noise : nil, eta: eta)
    }
  }

  /// Song et al. 2021, equation 12, with σ of equation 16.
  private func ddim(
    _ prediction: Prediction, _ x: Tensor, t: Tensor, noise: Tensor?, eta: Double
  ) -> Tensor {
    let epsilon = (at(t, reciprocalSignal) * x - prediction.start) / at(t, reciprocalNoise)
    let (alphaBar, previous) = (at(t, alphaBars), at(t, previousAlphaBars))
    let fresh = ((-previous + 1) / (-alphaBar + 1)).squareRoot
    let sigma = fresh * (-(alphaBar / previous) + 1).squareRoot * eta
    let mean =
      prediction.start * previous.squareRoot
      + (-previous + 1 - sigma.squared).squareRoot * epsilon
    guard let noise else { return mean }
    return mean + sigma * noise
  }
}
