extension SamplingMethod {
  /// DPM-Solver++ of third order.
  public static let dpm3M = SamplingMethod("dpm++3m", DPM3M.self)
}

/// DPM-Solver++ (3M): of third order, one prediction a step (Lu et al. 2022, appendix B).
public struct DPM3M: DPMSampler {
  static var method: SamplingMethod { .dpm3M }

  var solver: DPMSolver

  static func makeSolver(_ times: [Double]) -> DPMSolver { DPMSolver(times, order: 3) }
}
