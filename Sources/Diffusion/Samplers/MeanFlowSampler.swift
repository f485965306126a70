public import Torch

extension SamplingMethod {
  /// Steps by average velocities.
  public static let meanFlow = SamplingMethod("meanflow", MeanFlowSampler.self)
}

/// Steps along average velocities, which lead from any time to any other: one is enough.
///
/// Source: MeanFlow, Geng et al. 2025a, equation 12. It is for networks that predict average velocities, and
/// uses no fresh noise.
public struct MeanFlowSampler: GridSampler {
  public static let defaultStepCount: Int? = 1
  public static let gridConvention = GridConvention.fractionalSteps

  private(set) var steps: TimeSteps

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }
  public static func fits(_ path: any ProbabilityPath) -> Bool {
    (path as? FlowPath)?.hasAverages == true
  }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    steps = TimeSteps(times)
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let (start, end) = (steps.time, steps.nextTime)
    let average = predict(x, at: start, until: end).velocity
    steps.advance()
    return x + average * (end - start)
  }
}
