public import Torch

extension SamplingMethod {
  /// Heun's method of second order.
  public static let heun = SamplingMethod("heun", Heun.self)
}

/// Heun's method on the probability flow ODE.
///
/// On discrete steps as diffusers' `HeunDiscreteScheduler` takes it (Karras et al. 2022, algorithm 1); on
/// flows over time, with the velocity. Each step asks the network twice, but not at a `dataTime` that it
/// does not know. It uses neither a learned variance nor fresh noise.
public struct Heun: GridSampler {
  public static let defaultStepCount: Int? = 25
  public static let gridConvention = GridConvention.fractionalSteps

  private(set) var steps: TimeSteps
  private let asksAtDataTime: Bool

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    steps = TimeSteps(times)
    asksAtDataTime = path.asksAtDataTime
  }

  public var networkTimes: [Double]? {
    let (times, last) = (steps.times, steps.count)
    return times.enumerated().flatMap { index, time in
      switch index {
      case 0: [time]
      case last: asksAtDataTime ? [time] : []
      default: [time, time]
      }
    }
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let (path, start, end) = (predict.path, steps.time, steps.nextTime)
    // A copy: the network may use the memory of its output again.
    let slope = path.slope(of: predict(x, at: start)).cloned
    steps.advance()
    let euler = path.moved(x, along: slope, from: start, to: end)
    guard !steps.isDone || asksAtDataTime else { return euler }
    let mean = (slope + path.slope(of: predict(euler, at: end))) / 2
    return path.moved(x, along: mean, from: start, to: end)
  }
}
