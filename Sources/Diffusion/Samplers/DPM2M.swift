extension SamplingMethod {
  /// DPM-Solver++ of second order.
  public static let dpm2M = SamplingMethod("dpm++2m", DPM2M.self)
}

/// DPM-Solver++ (2M): of second order, one prediction a step (Lu et al. 2022, algorithm 2).
public struct DPM2M: DPMSampler {
  static var method: SamplingMethod { .dpm2M }

  var solver: DPMSolver

  static func makeSolver(_ times: [Double]) -> DPMSolver { DPMSolver(times, order: 2) }
}
