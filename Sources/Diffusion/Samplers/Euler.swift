public import Torch

extension SamplingMethod {
  /// Euler's method.
  public static let euler = SamplingMethod("euler", Euler.self)
}

/// Euler's method on the probability flow ODE.
///
/// On discrete steps as diffusers' `EulerDiscreteScheduler` takes it (Karras et al. 2022, equation 4); on
/// flows over time, with the velocity. It uses neither a learned variance nor fresh noise.
public struct Euler: GridSampler {
  public static let defaultStepCount: Int? = 50
  public static let gridConvention = GridConvention.fractionalSteps

  private(set) var steps: TimeSteps

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    steps = TimeSteps(times)
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let slope = predict.path.slope(of: predict(x, at: steps.time))
    let result = predict.path.moved(x, along: slope, from: steps.time, to: steps.nextTime)
    steps.advance()
    return result
  }
}

extension ProbabilityPath {
  /// The slope of the latents over `odeVariable`, `[N, C, H, W]`.
  func slope(of prediction: Prediction) -> Tensor {
    switch odeVariable {
    case .noiseRatio: prediction.noise
    case .time: prediction.velocity
    }
  }

  /// Latents moved along a constant slope, in a straight line over `odeVariable`.
  ///
  /// - Parameters:
  ///   - x: latents, `[N, C, H, W]`
  ///   - slope: in the same shape.
  ///   - start: the time of `x`.
  ///   - end: the new time.
  /// - Returns: latents, `[N, C, H, W]`
  func moved(_ x: Tensor, along slope: Tensor, from start: Double, to end: Double) -> Tensor {
    switch odeVariable {
    case .noiseRatio:
      let (start, end) = (point(at: start), point(at: end))
      let distance = end.sigma / end.alpha - start.sigma / start.alpha
      return (x * (1 / start.alpha) + slope * distance) * end.alpha
    case .time: return x + slope * (end - start)
    }
  }
}
