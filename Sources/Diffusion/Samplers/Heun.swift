public import Torch

extension SamplingMethod {
  /// Heun's method of second order.
  public static let heun = SamplingMethod("heun", Heun.self)
}

/// Heun's method on the probability flow ODE (Karras et al. 2022, algorithm 1), as diffusers'
/// `HeunDiscreteScheduler` takes it: over σ / α, in which dx/dσ is the noise.
///
/// Each step but the last asks the network twice. It uses neither a learned variance nor fresh noise.
public struct Heun: GridSampler {
  public static let defaultStepCount: Int? = 25
  public static var defaultGrid: any TimeGrid { LinspaceGrid() }

  private(set) var steps: TimeSteps

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    _ = try path.noiseSchedule(for: "heun")
    steps = TimeSteps(times)
  }

  public var networkTimes: [Double]? {
    steps.times.dropLast().enumerated().flatMap {
      $0.offset == 0 ? [$0.element] : [$0.element, $0.element]
    }
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let (start, end) = (
      predict.path.point(at: steps.time), predict.path.point(at: steps.nextTime)
    )
    /// Follows a constant noise from the start of the step to its end.
    func moved(along noise: Tensor) -> Tensor {
      let distance = end.sigma / end.alpha - start.sigma / start.alpha
      return (x * (1 / start.alpha) + noise * distance) * end.alpha
    }
    let noise = predict(x, at: steps.time).noise
    let endTime = steps.nextTime
    steps.advance()
    let euler = moved(along: noise)
    guard !steps.isDone else { return euler }
    return moved(along: (noise + predict(euler, at: endTime).noise) / 2)
  }
}
