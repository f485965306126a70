public import Torch

extension SamplingMethod {
  /// DPM-Solver++ of third order.
  public static let dpm3M = SamplingMethod("dpm++3m", DPM3M.self)
}

/// DPM-Solver++ (3M): of third order, one prediction a step (Lu et al. 2022, appendix B).
public struct DPM3M: GridSampler {
  public static let defaultStepCount: Int? = 20
  public static let gridConvention = GridConvention.withoutFirst

  private var solver: DPMSolver

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing {
    TimestepSpacing.forMultistep(stepCount)
  }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    _ = try path.noiseSchedule(for: "dpm++3m")
    solver = DPMSolver(times, order: 3)
  }

  var steps: TimeSteps { solver.steps }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    solver.step(x, predict, noise: noise)
  }
}
