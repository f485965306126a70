package import Diffusion
package import Models

extension MeanFlowConfig {
  /// The guidance by which the published network of this size has its published figures; of another size,
  /// that of the published program's options.
  package var usualGuidance: [UsualGuidance] {
    func guidance(_ stepCount: Int, _ scale: Double, _ low: Double, _ high: Double) -> UsualGuidance
    {
      UsualGuidance(
        fromSteps: stepCount, scale: scale, interval: GuidanceInterval(from: low, to: high) ?? .all)
    }
    return switch preset {
    case .b2, nil: [guidance(1, 8, 0.4, 0.65)]
    case .m2, .l2: [guidance(1, 10.5, 0.4, 0.6)]
    case .xl2: [guidance(1, 8, 0.42, 0.62), guidance(2, 4, 0.36, 0.64)]
    }
  }
}
