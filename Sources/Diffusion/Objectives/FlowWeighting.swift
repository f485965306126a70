/// The weight of each time's squared error in a flow that predicts noise, score or x₀.
///
/// Source: Ma et al. 2024 (SiT), section 2.3, and the code published with it.
public enum FlowWeighting: String, Sendable, Codable, CaseIterable {
  /// 1.
  case none
  /// The error counts as that of the velocity.
  case velocity
  /// The error counts as in the bound on the likelihood (Song et al. 2021a).
  case likelihood
}
