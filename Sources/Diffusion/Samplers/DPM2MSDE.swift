extension SamplingMethod {
  /// DPM-Solver++ of second order with fresh noise.
  public static let dpm2MSDE = SamplingMethod("dpm++2m-sde", DPM2MSDE.self)
}

/// DPM-Solver++ (2M) of the reverse stochastic equation: each step adds fresh noise (Lu et al. 2022,
/// section 4.3).
public struct DPM2MSDE: DPMSampler {
  static var method: SamplingMethod { .dpm2MSDE }

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }

  var solver: DPMSolver

  static func makeSolver(_ times: [Double]) -> DPMSolver {
    DPMSolver(times, order: 2, isStochastic: true)
  }
}
