internal import ArgumentParser

/// The values that a numeric option may have.
struct Bounds<Value: Comparable & Sendable>: Sendable {
  private let low: Value
  private let high: Value
  private let includesLow: Bool
  private let includesHigh: Bool

  private init(_ low: Value, _ high: Value, includesLow: Bool = true, includesHigh: Bool = true) {
    (self.low, self.high) = (low, high)
    (self.includesLow, self.includesHigh) = (includesLow, includesHigh)
  }

  /// From one value to another, both included.
  static func from(_ low: Value, to high: Value) -> Bounds { Bounds(low, high) }

  /// Above one value, and another at most.
  static func above(_ low: Value, to high: Value) -> Bounds {
    Bounds(low, high, includesLow: false)
  }

  /// At least one value, and below another.
  static func from(_ low: Value, below high: Value) -> Bounds {
    Bounds(low, high, includesHigh: false)
  }

  /// Refuses a value that is not within, what is no number too; nil stands for an option not given.
  ///
  /// - Parameters:
  ///   - value: what was given.
  ///   - name: the option.
  /// - Throws: `ValidationError` with name, value and bounds.
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
  /// How many there are of something, or how long it takes: a billion at most, so that products of a
  /// few do not overflow.
  static var counts: Bounds { .from(1, to: 1_000_000_000) }
  /// The same for what may be left out by 0.
  static var countsOrNone: Bounds { .from(0, to: 1_000_000_000) }
  /// Height and width of images in pixels.
  static var imageSizes: Bounds { .from(1, to: 16384) }
  /// Refuses an `--image-size` that is out of bounds, or no multiple of what a model works in.
  ///
  /// - Throws: `ValidationError` with value and bounds.
  static func checkImageSize(_ size: Int, multipleOf factor: Int) throws {
    try imageSizes.check(size, "--image-size")
    guard size.isMultiple(of: factor) else {
      throw ValidationError("--image-size \(size): must be a multiple of \(factor)")
    }
  }

  /// Images at a time.
  static var batchSizes: Bounds { .from(1, to: 65536) }
  /// Threads of this program.
  static var threadCounts: Bounds { .from(1, to: 1024) }
  /// Blocks, attention heads, pixels of a patch.
  static var modelCounts: Bounds { .from(1, to: 1024) }
}

extension Bounds where Value == Double {
  /// What is multiplied by.
  static var factors: Bounds { .above(0, to: 1_000_000) }
  /// Learning rates.
  static var startRates: Bounds { .above(0, to: 100) }
  /// Learning rates that may come to an end at 0.
  static var rates: Bounds { .from(0, to: 100) }
  /// Shares that leave something over.
  static var shares: Bounds { .from(0, below: 1) }
}
