internal import ArgumentParser

/// The allowed range of a numeric option.
struct Bounds<Value: Comparable & Sendable>: Sendable {
  private let low: Value
  private let high: Value
  private let includesLow: Bool
  private let includesHigh: Bool

  private init(_ low: Value, _ high: Value, includesLow: Bool = true, includesHigh: Bool = true) {
    (self.low, self.high) = (low, high)
    (self.includesLow, self.includesHigh) = (includesLow, includesHigh)
  }

  /// `low` to `high`, both included.
  static func from(_ low: Value, to high: Value) -> Bounds { Bounds(low, high) }

  /// All values of a range.
  static func within(_ range: ClosedRange<Value>) -> Bounds {
    Bounds(range.lowerBound, range.upperBound)
  }

  /// Above `low`, up to and including `high`.
  static func above(_ low: Value, to high: Value) -> Bounds {
    Bounds(low, high, includesLow: false)
  }

  /// From `low`, included, to below `high`.
  static func from(_ low: Value, below high: Value) -> Bounds {
    Bounds(low, high, includesHigh: false)
  }

  /// Throws if the value is out of bounds or NaN. nil (option not given) passes.
  ///
  /// - Throws: `ValidationError` with the option's name, the value and the bounds.
  func check(_ value: Value?, _ name: String) throws {
    guard let value else { return }
    let isWithin =
      (includesLow ? value >= low : value > low) && (includesHigh ? value <= high : value < high)
    guard isWithin else {
      throw ValidationError("\(name) \(Bounds.text(value)): must be \(description)")
    }
  }

  private var description: String {
    let (low, high) = (Bounds.text(low), Bounds.text(high))
    return switch (includesLow, includesHigh) {
    case (true, true): "from \(low) to \(high)"
    case (false, _): "above \(low), and \(high) at most"
    case (_, false): "at least \(low), and below \(high)"
    }
  }

  /// Whole numbers without a decimal point.
  private static func text(_ value: Value) -> String {
    (value as? Double).flatMap { Int(exactly: $0) }.map(String.init) ?? "\(value)"
  }
}

extension Bounds where Value == Int {
  /// Counts and durations: at most a billion, so that products of a few do not overflow.
  static var counts: Bounds { .from(1, to: 1_000_000_000) }
  /// Counts that may be 0.
  static var countsOrNone: Bounds { .from(0, to: 1_000_000_000) }
  /// Image height and width in pixels.
  static var imageSizes: Bounds { .from(1, to: 16384) }
  /// Throws `ValidationError` if `--image-size` is out of bounds or not a multiple of `factor`.
  static func checkImageSize(_ size: Int, multipleOf factor: Int) throws {
    try imageSizes.check(size, "--image-size")
    guard size.isMultiple(of: factor) else {
      throw ValidationError("--image-size \(size): must be a multiple of \(factor)")
    }
  }

  /// Batch sizes.
  static var batchSizes: Bounds { .from(1, to: 65536) }
  /// Thread counts.
  static var threadCounts: Bounds { .from(1, to: 1024) }
  /// Blocks, attention heads, pixels of a patch.
  static var modelCounts: Bounds { .from(1, to: 1024) }
}

extension Bounds where Value == Double {
  /// Factors.
  static var factors: Bounds { .above(0, to: 1_000_000) }
  /// Learning rates.
  static var startRates: Bounds { .above(0, to: 100) }
  /// Learning rates that may be 0.
  static var rates: Bounds { .from(0, to: 100) }
  /// Fractions below 1.
  static var shares: Bounds { .from(0, below: 1) }
}
