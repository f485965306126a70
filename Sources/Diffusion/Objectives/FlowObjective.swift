public import Torch

// N batch, C channels, H W image; t: times, [N], float32.

/// The loss of a flow: the squared error of what the network predicts, at a random time.
///
/// Source: Lipman et al. 2023, equation 9, for the velocity; Ma et al. 2024 (SiT), section 2.3, for the
/// others. The error of a score is taken times σ. To it comes the difference of directions (Yao & Wang
/// 2025, section 4): 1 - cosine over the channels at each position, times a weight.
public struct FlowObjective: Objective {
  private let flow: Flow
  private let path: FlowPath
  private let weighting: FlowWeighting
  private let directionWeight: Double

  /// The objective of a flow, in SiT's scale of times.
  ///
  /// - Parameters:
  ///   - flow: the path, and what the network predicts.
  ///   - weighting: the weight of each time; a velocity has none but 1.
  ///   - directionWeight: of the difference of directions; 0 for none, 1 in LightningDiT's code.
  public init(
    _ flow: Flow = Flow(), weighting: FlowWeighting = .none, directionWeight: Double = 0
  ) {
    self.flow = flow
    self.weighting = weighting
    self.directionWeight = directionWeight
    path = flow.trainingPath
  }

  public func loss(
    x0: Tensor, noise: Tensor, t: Tensor, network: (_ xt: Tensor, _ t: Tensor) throws -> Tensor
  ) rethrows -> TrainingLoss {
    let mixture = withoutGradients { path.mixture(at: t.reshaped([-1, 1, 1, 1])) }
    let (xt, target, scale) = withoutGradients {
      (mixture.latents(x0, noise), self.target(x0, noise, mixture), weight(mixture))
    }
    let output = try network(xt, t)
    let predicted = flow.prediction == .score ? output * mixture.sigma : output
    let error = (predicted - target).squared
    let squaredError = error.mean(axes: Array(1..<error.rank))
    let weighted = scale.map { squaredError * $0.reshaped([-1]) } ?? squaredError
    var total = weighted.mean()
    if directionWeight != 0 {
      total = total + directionDifference(predicted, target) * directionWeight
    }
    return TrainingLoss(squaredError: squaredError, variationalBound: nil, total: total)
  }

  /// The mean of 1 - cosine between the channels of two tensors, a scalar.
  ///
  /// The gradient of a prediction without direction is 0: that of a new model is 0 everywhere, and in the
  /// published code has a gradient of 10⁸ there, which AdamW's second moment then remembers.
  private func directionDifference(_ predicted: Tensor, _ target: Tensor) -> Tensor {
    let square = predicted.squared.sum(axes: [1])  // [N, H, W]
    let (isNothing, targetLength) = withoutGradients {
      (square.isLess(than: 1e-16), target.squared.sum(axes: [1]).squareRoot.clamped(min: 1e-8))
    }
    let one = Tensor.full([1], 1, dtype: square.dtype, device: square.device)
    let length = isNothing.select(one, else: square).squareRoot
    let cosine = (predicted * target).sum(axes: [1]) / (length * targetLength)
    return -(isNothing.select(one * 0, else: cosine)).mean() + 1
  }

  /// What the network's output is held against, `[N, C, H, W]`; for a score σ times the score.
  private func target(_ x0: Tensor, _ noise: Tensor, _ mixture: FlowMixture<Tensor>) -> Tensor {
    switch flow.prediction {
    case .velocity: mixture.velocity(x0, noise)
    case .noise: noise
    case .score: -noise
    case .x0: x0
    }
  }

  /// The weight of each row, `[N, 1, 1, 1]`; nil for 1.
  private func weight(_ mixture: FlowMixture<Tensor>) -> Tensor? {
    guard weighting != .none, flow.prediction != .velocity else { return nil }
    // How far the velocity moves with the noise, and λ of SiT's equation 9.
    let slope = mixture.velocityPerNoise
    let noiseWeight =
      weighting == .velocity ? slope.squared : (slope / mixture.sigma).magnitude
    guard flow.prediction == .x0 else { return noiseWeight }
    return noiseWeight * (mixture.alpha / mixture.sigma).squared
  }
}

extension FlowMixture<Tensor> {
  fileprivate func latents(_ x0: Tensor, _ noise: Tensor) -> Tensor { alpha * x0 + sigma * noise }
  fileprivate func velocity(_ x0: Tensor, _ noise: Tensor) -> Tensor {
    alphaSlope * x0 + sigmaSlope * noise
  }

  /// σ' - α' σ / α, the change of dx/dt with ε at a fixed x.
  fileprivate var velocityPerNoise: Tensor { sigmaSlope - alphaSlope * sigma / alpha }
}
