internal import Foundation
internal import Torch

/// The data that a multistep method predicted at its last times, newest first.
struct DataHistory {
  /// One prediction.
  struct Entry {
    /// log(α / σ) at the time, half the logarithm of the signal-to-noise ratio.
    let lambda: Double
    /// x₀, `[N, C, H, W]`
    let x0: Tensor
  }

  private(set) var entries: [Entry] = []
  private let capacity: Int

  /// Room for as many predictions as the method's order.
  init(capacity: Int) { self.capacity = capacity }

  /// Keeps a copy, because the network may use the memory of its output again.
  mutating func add(_ x0: Tensor, at point: PathPoint) {
    entries = [Entry(lambda: point.lambda, x0: x0.cloned)] + entries.prefix(capacity - 1)
  }

  /// Goes on with some of the images.
  mutating func keep(_ rows: Tensor) {
    entries = entries.map { Entry(lambda: $0.lambda, x0: $0.x0.gathered(rows)) }
  }

  subscript(_ age: Int) -> Entry { entries[age] }

  /// The order of the next step: less at the start, for want of predictions, and less at the end.
  func order(_ wanted: Int, stepsLeft left: Int) -> Int { min(wanted, left, entries.count) }
}

extension PathPoint {
  /// log(α / σ), infinite for clean data.
  var lambda: Double { log(alpha / sigma) }
}
