/// Whether features of a network are used again in later steps of sampling.
public enum FeatureCache: Sendable, Equatable {
  /// Each step computes the whole network.
  case off
  /// Every `interval` steps the whole network is computed, and between them what its blocks do is
  /// extrapolated (TaylorSeer, Liu et al. 2025); see `BlockForecast`. An interval of 1 is exact.
  case taylor(interval: Int)

  /// The intervals that can be chosen.
  public static let intervals = 1...100
}

extension FeatureCache: LosslessStringConvertible {
  /// Reads `none`, or `taylor:N` with an interval N.
  public init?(_ text: String) {
    let parts = text.lowercased().split(separator: ":", omittingEmptySubsequences: false)
    if parts == ["none"] {
      self = .off
    } else if parts.count == 2, parts[0] == "taylor", let interval = Int(parts[1]),
      FeatureCache.intervals.contains(interval)
    {
      self = .taylor(interval: interval)
    } else {
      return nil
    }
  }

  /// `none` or `taylor:N`.
  public var description: String {
    switch self {
    case .off: "none"
    case .taylor(let interval): "taylor:\(interval)"
    }
  }
}
