public import Torch

extension SamplingMethod {
  /// DPM-Solver++ of second order.
  public static let dpm2M = SamplingMethod("dpm++2m", DPM2M.self)
}

/// DPM-Solver++ (2M): of second order, one prediction a step (Lu et al. 2022, algorithm 2).
public struct DPM2M: GridSampler {
  public static let defaultStepCount: Int? = 20
  public static let gridConvention = GridConvention.withoutFirst

  private var solver: DPMSolver

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing {
    TimestepSpacing.forMultistep(stepCount)
  }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    _ = try path.noiseSchedule(for: "dpm++2m")
    solver = DPMSolver(times, order: 2)
  }

  var steps: TimeSteps { solver.steps }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    solver.step(x, predict, noise: noise)
  }
}
