public import Metrics
internal import Synchronization

/// Keeps metrics and writes them in Prometheus' text form, version 0.0.4.
///
/// A counter's name should end in `_total`. Timers are histograms in seconds; recorders that aggregate are
/// histograms, others are gauges. Metrics with one name and other labels are one family.
public final class PrometheusMetrics: MetricsFactory {
  /// One for all of a program, where nothing else is said.
  public static let shared = PrometheusMetrics()

  private let families = Mutex<[String: MetricFamily]>([:])

  /// No metrics yet.
  public init() {}

  /// All metrics, families sorted by name.
  public var text: String {
    families.withLock { $0 }.sorted { $0.key < $1.key }.map { $0.value.text(named: $0.key) }
      .joined()
  }

  public func makeCounter(
    label: String, dimensions: [(String, String)]
  ) -> any CounterHandler {
    series(label, dimensions, .counter) { MetricCounter() } ?? MetricCounter()
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, dimensions, .counter) { MetricCounter() } ?? MetricCounter()
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions, .gauge) { MetricGauge() } ?? MetricGauge()
  }

  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    guard aggregate else {
      return series(label, dimensions, .gauge) { MetricGauge() } ?? MetricGauge()
    }
    let bounds = MetricHistogram.countBounds
    return series(label, dimensions, .histogram) { MetricHistogram(bounds) }
      ?? MetricHistogram(bounds)
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    let bounds = MetricHistogram.secondBounds
    return series(label, dimensions, .histogram) { MetricHistogram(bounds) }
      ?? MetricHistogram(bounds)
  }

  // A series stays: its numbers would jump back otherwise.
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

  /// The series of a name and labels, made if it is new; nil if the name is another kind's.
  private func series<Series: MetricSeries>(
    _ name: String, _ labels: [(String, String)], _ kind: MetricFamily.Kind,
    _ make: () -> Series
  ) -> Series? {
    let labels = MetricFamily.text(of: labels)
    return families.withLock { families in
      let name = MetricFamily.validName(name)
      var family = families[name] ?? MetricFamily(kind: kind)
      guard family.kind == kind else { return nil }
      if let known = family.series[labels] { return known as? Series }
      let new = make()
      family.series[labels] = new
      families[name] = family
      return new
    }
  }
}
