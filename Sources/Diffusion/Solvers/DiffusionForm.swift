internal import Foundation

/// How much noise the reverse SDE of a flow adds over time, w in Ma et al. 2024, equation 5.
///
/// The names and formulas are those of SiT's code, times a norm, with s the share of noise.
public enum DiffusionForm: String, Sendable, Codable, CaseIterable {
  /// 1
  case constant
  /// That of the score-based models (Song et al. 2021b): σ² α' / α - σ σ', in a time towards data.
  case sbdm
  /// σ
  case sigma
  /// s
  case linear
  /// (norm cos(π (1 - s)) + 1)² / 4
  case decreasing
  /// sin²(π s)
  case increasingDecreasing = "increasing-decreasing"

  /// w at a time of a flow.
  func value(on path: any ProbabilityPath, at time: Double, norm: Double) -> Double {
    let (point, s) = (path.point(at: time), path.position(of: time))
    switch self {
    case .constant: return norm
    case .sbdm:
      let sign: Double = path.dataTime > path.noiseTime ? 1 : -1
      let drift = point.alphaSlope / point.alpha * point.sigma * point.sigma
      return norm * sign * (drift - point.sigma * point.sigmaSlope)
    case .sigma: return norm * point.sigma
    case .linear: return norm * s
    case .decreasing:
      let root = norm * cos(.pi * (1 - s)) + 1
      return 0.25 * root * root
    case .increasingDecreasing:
      let sine = sin(.pi * s)
      return norm * sine * sine
    }
  }
}

/// The last step of the reverse SDE of a flow, as in SiT's code.
public enum LastStep: String, Sendable, Codable, CaseIterable {
  /// One of the SDE without its noise.
  case mean
  /// One of the probability flow ODE.
  case euler
  /// The predicted x₀ (Efron 2011).
  case tweedie
  /// A step like the others.
  case none
}
