public import Torch

extension SamplingMethod {
  /// Euler's method.
  public static let euler = SamplingMethod("euler", Euler.self)
}

/// Euler's method on the probability flow ODE (Karras et al. 2022, equation 4), as diffusers'
/// `EulerDiscreteScheduler` takes it: over σ / α, in which dx/dσ is the noise.
///
/// It uses neither a learned variance nor fresh noise.
public struct Euler: GridSampler {
  public static let defaultStepCount: Int? = 50
  public static let gridConvention = GridConvention.fractionalSteps

  private(set) var steps: TimeSteps

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    _ = try path.noiseSchedule(for: "euler")
    steps = TimeSteps(times)
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let noise = predict(x, at: steps.time).noise
    let result = predict.path.moved(x, along: noise, from: steps.time, to: steps.nextTime)
    steps.advance()
    return result
  }
}

extension ProbabilityPath {
  /// Latents moved along a constant noise, in a straight line over σ / α.
  ///
  /// - Parameters:
  ///   - x: latents, `[N, C, H, W]`
  ///   - noise: the predicted noise, in the same shape.
  ///   - start: the time of `x`.
  ///   - end: the new time.
  /// - Returns: latents, `[N, C, H, W]`
  func moved(_ x: Tensor, along noise: Tensor, from start: Double, to end: Double) -> Tensor {
    let (start, end) = (point(at: start), point(at: end))
    let distance = end.sigma / end.alpha - start.sigma / start.alpha
    return (x * (1 / start.alpha) + noise * distance) * end.alpha
  }
}
