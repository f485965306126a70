import Metrics
import Testing

@testable import Server

/// Prometheus' text form.
@Suite struct PrometheusMetricsTests {
  @Test func writesAllKinds() {
    let metrics = PrometheusMetrics()
    Counter(label: "b_total", dimensions: [("a", "1")], factory: metrics).increment(by: 2)
    Counter(label: "b_total", dimensions: [("a", "1")], factory: metrics).increment()
    Counter(label: "b_total", dimensions: [("a", "q\"\\\n")], factory: metrics).increment()
    let meter = Meter(label: "a.b-c", factory: metrics)
    meter.set(2.5)
    meter.increment()
    let recorder = Recorder(label: "sizes", aggregate: true, factory: metrics)
    for size in [1, 3, 1000] { recorder.record(size) }
    let timer = Timer(label: "t_seconds", dimensions: [("r", "/")], factory: metrics)
    timer.recordMilliseconds(20)
    let lines = metrics.text.split(separator: "\n").map(String.init)
    #expect(
      lines.prefix(6) == [
        "# TYPE a_b_c gauge", "a_b_c 3.5", "# TYPE b_total counter", #"b_total{a="1"} 3"#,
        #"b_total{a="q\"\\\n"} 1"#, "# TYPE sizes histogram",
      ])
    for line in [
      #"sizes_bucket{le="1"} 1"#, #"sizes_bucket{le="4"} 2"#, #"sizes_bucket{le="256"} 2"#,
      #"sizes_bucket{le="+Inf"} 3"#, "sizes_sum 1004", "sizes_count 3",
      #"t_seconds_bucket{r="/",le="0.01"} 0"#, #"t_seconds_bucket{r="/",le="0.025"} 1"#,
      #"t_seconds_sum{r="/"} 0.02"#, #"t_seconds_count{r="/"} 1"#,
    ] {
      #expect(lines.contains(line), "\(line)")
    }
    #expect(metrics.text.hasSuffix("\n"))
  }

  @Test func keepsKindsApart() {
    let metrics = PrometheusMetrics()
    Counter(label: "x", factory: metrics).increment()
    Meter(label: "x", factory: metrics).set(7)
    #expect(metrics.text == "# TYPE x counter\nx 1\n")
    #expect(MetricFamily.validName("1a é") == "_1a__")
    #expect(MetricFamily.text(of: .nan) == "NaN" && MetricFamily.text(of: -.infinity) == "-Inf")
  }
}
