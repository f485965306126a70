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
  public static let gridConvention = GridConvention.fractionalSteps

  private(set) var steps: TimeSteps

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }

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
    let (path, start, end) = (predict.path, steps.time, steps.nextTime)
    // A copy: the network may use the memory of its output again.
    let noise = predict(x, at: start).noise.cloned
    steps.advance()
    let euler = path.moved(x, along: noise, from: start, to: end)
    guard !steps.isDone else { return euler }
    let mean = (noise + predict(euler, at: end).noise) / 2
    return path.moved(x, along: mean, from: start, to: end)
  }
}
