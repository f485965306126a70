public import Torch

// N batch, C channels, H W image; t: times, [N], float32.

/// The loss of a flow: the squared error of what the network predicts, at a random time.
///
/// Source: Lipman et al. 2023, equation 9, for the velocity; Ma et al. 2024 (SiT), section 2.3, for the
/// others. The error of a score is taken times σ.
public struct FlowObjective: Objective {
  private let flow: Flow
  private let path: FlowPath
  private let weighting: FlowWeighting

  /// The objective of a flow, in SiT's scale of times.
  ///
  /// - Parameters:
  ///   - flow: the path, and what the network predicts.
  ///   - weighting: the weight of each time; a velocity has none but 1.
  public init(_ flow: Flow = Flow(), weighting: FlowWeighting = .none) {
    self.flow = flow
    self.weighting = weighting
    path = flow.trainingPath
  }

  public func loss(
    x0: Tensor, noise: Tensor, t: Tensor, network: (_ xt: Tensor, _ t: Tensor) throws -> Tensor
  ) rethrows -> TrainingLoss {
    let mixture = withoutGradients { TimedMixture(path, at: t.reshaped([-1, 1, 1, 1])) }
    let (xt, target, scale) = withoutGradients {
      (mixture.latents(x0, noise), self.target(x0, noise, mixture), weight(mixture))
    }
    let output = try network(xt, t)
    let predicted = flow.prediction == .score ? output * mixture.sigma : output
    let error = (predicted - target).squared
    let squaredError = error.mean(axes: Array(1..<error.rank))
    let weighted = scale.map { squaredError * $0.reshaped([-1]) } ?? squaredError
    return TrainingLoss(squaredError: squaredError, variationalBound: nil, total: weighted.mean())
  }

  /// What the network's output is held against, `[N, C, H, W]`; for a score σ times the score.
  private func target(_ x0: Tensor, _ noise: Tensor, _ mixture: TimedMixture) -> Tensor {
    switch flow.prediction {
    case .velocity: mixture.velocity(x0, noise)
    case .noise: noise
    case .score: -noise
    case .x0: x0
    }
  }

  /// The weight of each row, `[N, 1, 1, 1]`; nil for 1.
  private func weight(_ mixture: TimedMixture) -> Tensor? {
    guard weighting != .none, flow.prediction != .velocity else { return nil }
    // How far the velocity moves with the noise, and λ of SiT's equation 9.
    let slope = mixture.velocityPerNoise
    let noiseWeight =
      weighting == .velocity ? slope.squared : (slope / mixture.sigma).magnitude
    guard flow.prediction == .x0 else { return noiseWeight }
    return noiseWeight * (mixture.alpha / mixture.sigma).squared
  }
}

/// A path at the times of a batch.
private struct TimedMixture {
  let alpha: Tensor
  let sigma: Tensor
  let alphaSlope: Tensor
  let sigmaSlope: Tensor

  /// - Parameters:
  ///   - path: gives the mixture.
  ///   - t: times, `[N, 1, 1, 1]`
  init(_ path: FlowPath, at t: Tensor) {
    let s = path.direction == .towardsData ? -t + 1 : t
    let slopes: (alpha: Tensor, sigma: Tensor)
    (alpha, sigma, slopes.alpha, slopes.sigma) = path.shape.mixture(at: s)
    let sign: Double = path.direction == .towardsData ? -1 : 1
    (alphaSlope, sigmaSlope) = (slopes.alpha * sign, slopes.sigma * sign)
  }

  func latents(_ x0: Tensor, _ noise: Tensor) -> Tensor { alpha * x0 + sigma * noise }
  func velocity(_ x0: Tensor, _ noise: Tensor) -> Tensor { alphaSlope * x0 + sigmaSlope * noise }

  /// σ' - α' σ / α, the change of dx/dt with ε at a fixed x.
  var velocityPerNoise: Tensor { sigmaSlope - alphaSlope * sigma / alpha }
}
