internal import Metrics
internal import Synchronization

/// A number that grows.
final class MetricCounter: MetricSeries, CounterHandler, FloatingPointCounterHandler {
  private let value = Mutex(0.0)

  var samples: [MetricSample] { [MetricSample(value: value.withLock { $0 })] }

  func increment(by amount: Int64) { increment(by: Double(amount)) }

  func increment(by amount: Double) {
    guard amount > 0 else { return }
    value.withLock { $0 += amount }
  }

  func reset() { value.withLock { $0 = 0 } }
}

/// A number that goes up and down.
final class MetricGauge: MetricSeries, MeterHandler, RecorderHandler {
  private let value = Mutex(0.0)

  var samples: [MetricSample] { [MetricSample(value: value.withLock { $0 })] }

  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { self.value.withLock { $0 = value } }
  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }
  func increment(by amount: Double) { value.withLock { $0 += amount } }
  func decrement(by amount: Double) { value.withLock { $0 -= amount } }
}

/// Counts numbers by their size.
final class MetricHistogram: MetricSeries, RecorderHandler, TimerHandler {
  /// Bounds for seconds.
  static let secondBounds = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
  ]
  /// Bounds for numbers of things.
  static let countBounds = [1.0, 2, 4, 8, 16, 32, 64, 128, 256]

  private struct State {
    /// The numbers up to each bound and above the one before; the last are above all.
    var counts: [Int]
    var sum = 0.0
  }

  private let bounds: [Double]
  private let state: Mutex<State>

  /// - Parameter bounds: ascending.
  init(_ bounds: [Double]) {
    self.bounds = bounds
    state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  var samples: [MetricSample] {
    let state = state.withLock { $0 }
    var total = 0
    var samples: [MetricSample] = []
    for (bound, count) in zip(bounds + [.infinity], state.counts) {
      total += count
      samples.append(
        MetricSample(
          suffix: "_bucket", label: "le=\"\(MetricFamily.text(of: bound))\"", value: Double(total)))
    }
    return samples + [
      MetricSample(suffix: "_sum", value: state.sum),
      MetricSample(suffix: "_count", value: Double(total)),
    ]
  }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    guard !value.isNaN else { return }
    let place = bounds.firstIndex { value <= $0 } ?? bounds.count
    state.withLock {
      $0.counts[place] += 1
      $0.sum += value
    }
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
