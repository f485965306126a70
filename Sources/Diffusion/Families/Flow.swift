/// A flow: the path between noise and data, and what the network predicts.
///
/// Source: Ma et al. 2024 (SiT), section 2.
public struct Flow: Sendable, Equatable, Codable {
  /// What the network predicts.
  public enum Prediction: String, Sendable, Codable, CaseIterable {
    /// dx/dt.
    case velocity
    /// ε.
    case noise
    /// -ε / σ.
    case score
    /// x₀.
    case x0
  }

  /// The path.
  public var shape: FlowPath.Shape
  /// What the network predicts.
  public var prediction: Prediction

  /// A flow; by default the published one.
  public init(_ shape: FlowPath.Shape = .linear, _ prediction: Prediction = .velocity) {
    self.shape = shape
    self.prediction = prediction
  }

  /// What a network's output stands for.
  public var parametrization: Parametrization {
    switch prediction {
    case .velocity: .velocity
    case .noise: .noise(learnsVariance: false)
    case .score: .score
    case .x0: .x0
    }
  }

  /// The path of training, in SiT's scale of times.
  public var trainingPath: FlowPath { FlowPath(shape, ends: ends(vpMargin: 1e-5)) }

  /// The shares of noise between which the network can be asked while sampling.
  var samplingEnds: ClosedRange<Double> { ends(vpMargin: 1e-3) }

  /// SiT leaves 0.001 at both ends unless the velocity is predicted; the variance-preserving path has no
  /// velocity at data.
  private func ends(vpMargin: Double) -> ClosedRange<Double> {
    switch (shape, prediction) {
    case (.vp, _): vpMargin...1
    case (_, .velocity): 0...1
    default: 0.001...0.999
    }
  }
}
