internal import Foundation

/// The times at which guidance acts, borders included (Kynkäänniemi et al. 2024).
///
/// Times are positions on a path: 0 is data, 1 is noise.
public struct GuidanceInterval: Sendable, Equatable {
  /// The border next to the data.
  public let low: Double
  /// The border next to the noise.
  public let high: Double

  /// All times.
  public static let all = GuidanceInterval(low: 0, high: 1)

  /// How far beyond a border a time may be, for want of exact numbers.
  private static let tolerance = 1e-9

  private init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }

  /// An interval; nil unless 0 ≤ `low` ≤ `high` ≤ 1.
  public init?(from low: Double, to high: Double) {
    guard 0 <= low, low <= high, high <= 1 else { return nil }
    self.init(low: low, high: high)
  }

  /// Whether guidance acts at a position.
  public func contains(_ position: Double) -> Bool {
    position >= low - Self.tolerance && position <= high + Self.tolerance
  }
}

extension GuidanceInterval: LosslessStringConvertible {
  /// Reads two numbers with a comma between, the lower one first.
  public init?(_ text: String) {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Double($0.trimmingCharacters(in: .whitespaces))
    }
    guard numbers.count == 2, let low = numbers[0], let high = numbers[1] else { return nil }
    self.init(from: low, to: high)
  }

  /// Both borders with a comma between.
  public var description: String {
    [low, high].map { Int(exactly: $0).map(String.init) ?? "\($0)" }.joined(separator: ",")
  }
}
