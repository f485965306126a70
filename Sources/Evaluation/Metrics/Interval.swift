internal import Foundation

/// A range that a figure would lie in for 95 of 100 sets of images like the one at hand.
public struct Interval: Codable, Sendable, Equatable {
  /// The lower end.
  public let low: Double
  /// The upper end.
  public let high: Double

  /// The quantiles at its ends.
  private static let quantiles = (0.025, 0.975)
  private static let resampleCount = 10_000

  /// A range.
  public init(low: Double, high: Double) { (self.low, self.high) = (low, high) }

  /// The percentile bootstrap (Efron 1979) of a mean; nil for fewer than five values.
  ///
  /// The same values always give the same range.
  static func bootstrap(meanOf values: [Double]) -> Interval? {
    guard values.count >= 5, values.allSatisfy(\.isFinite) else { return nil }
    var generator = NumPyRandom(seed: 0)
    let means = (0..<resampleCount).map { _ in
      values.indices.reduce(0.0) { sum, _ in sum + values[generator.number(upTo: values.count - 1)]
      }
        / Double(values.count)
    }.sorted()
    func quantile(_ share: Double) -> Double { means[Int(share * Double(resampleCount - 1))] }
    return Interval(low: quantile(quantiles.0), high: quantile(quantiles.1))
  }

  /// The percentile bootstrap of a share of images. Its resamples follow a binomial distribution, whose
  /// quantiles are taken without drawing.
  static func bootstrap(share: Double, count: Int) -> Interval {
    guard share > 0, share < 1, count > 0 else { return Interval(low: share, high: share) }
    func quantile(_ probability: Double) -> Double {
      var cumulated = 0.0
      var logarithm = Double(count) * log1p(-share)
      for successes in 0..<count {
        cumulated += exp(logarithm)
        if cumulated >= probability { return Double(successes) / Double(count) }
        logarithm += log(Double(count - successes) / Double(successes + 1) * share / (1 - share))
      }
      return 1
    }
    return Interval(low: quantile(quantiles.0), high: quantile(quantiles.1))
  }
}
