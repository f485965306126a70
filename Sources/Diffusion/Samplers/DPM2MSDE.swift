public import Torch

extension SamplingMethod {
  /// DPM-Solver++ of second order with fresh noise.
  public static let dpm2MSDE = SamplingMethod("dpm++2m-sde", DPM2MSDE.self)
}

/// DPM-Solver++ (2M) of the reverse stochastic equation: each step adds fresh noise (Lu et al. 2022,
/// section 4.3).
public struct DPM2MSDE: GridSampler {
  public static let defaultStepCount: Int? = 20
  public static let gridConvention = GridConvention.withoutFirst

  private var solver: DPMSolver

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing {
    .linspace
  }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    _ = try path.noiseSchedule(for: "dpm++2m-sde")
    solver = DPMSolver(times, order: 2, isStochastic: true)
  }

  var steps: TimeSteps { solver.steps }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    solver.step(x, predict, noise: noise)
  }
}
