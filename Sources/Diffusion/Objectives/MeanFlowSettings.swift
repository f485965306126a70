internal import Torch

/// How average velocities are trained; by default as in the code published with Geng et al. 2025 (MeanFlow).
public struct MeanFlowSettings: Sendable, Codable, Equatable {
  /// The share of rows with a span, 0 to 1; the others learn the velocity itself.
  public var spanShare: Double
  /// ω of guidance in the target; 1 for none of it.
  public var guidanceScale: Double
  /// κ, the share of the model's own velocity of the class in the target, 0 or more and under 1. Guidance then acts
  /// as one of scale ω / (1 - κ).
  public var guidanceMixing: Double
  /// p of the adaptive weight, 1 over the p-th power of a row's squared error; 0 for equal weights.
  public var weightPower: Double
  /// Added to the squared error in the weight.
  public var weightOffset: Double

  /// Settings.
  public init(
    spanShare: Double = 0.25, guidanceScale: Double = 1, guidanceMixing: Double = 0.5,
    weightPower: Double = 1, weightOffset: Double = 0.01
  ) {
    self.spanShare = spanShare
    self.guidanceScale = guidanceScale
    self.guidanceMixing = guidanceMixing
    self.weightPower = weightPower
    self.weightOffset = weightOffset
  }

  /// Whether the target has guidance.
  var isGuided: Bool { guidanceScale != 1 || guidanceMixing != 0 }

  /// Draws the two ends of each row's step; most rows have their first end alone.
  ///
  /// - Parameters:
  ///   - count: the number of rows.
  ///   - distribution: of both ends.
  ///   - generator: on the processor.
  /// - Returns: the first ends and how far it is to the second, `[count]`, float32 each.
  func drawTimes(
    _ count: Int, _ distribution: TimestepDistribution, generator: Generator
  ) -> (times: Tensor, spans: Tensor) {
    let path = Flow().trainingPath
    let ends = (0..<2).map { _ in path.drawTimes(count, distribution, generator: generator) }
    let span = (ends[0] - ends[1]).magnitude
    let isApart = Tensor.rand([count], generator: generator).isLess(than: spanShare)
    return ((ends[0] + ends[1] - span) / 2, isApart.select(span, else: span * 0))
  }
}
