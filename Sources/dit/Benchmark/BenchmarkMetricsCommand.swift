internal import ArgumentParser
internal import Torch

extension MetricsBenchmark.Work: ExpressibleByArgument {}

/// `dit benchmark metrics`
struct BenchmarkMetricsCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Time the comparison of two sets of features.",
    discussion: """
      Features are random. Prints the median of seconds of a comparison, and peak memory with the \
      features of both sets.

        dit benchmark metrics --work neighbours --num-samples 10000 \\
          --features 2048 --json
      """)

  @Option(
    help: """
      moments: mean and covariance; frechet: the Frechet distance of two; neighbours: precision and \
      recall; kernel: KID.
      """)
  var work = MetricsBenchmark.Work.frechet
  @Option(help: "Images of each set.") var numSamples = 10_000
  @Option(help: "Features of an image.") var features = 2_048
  @Option(help: "Round distances as the evaluation suite does.") var suiteFloat16 = false
  @Option(help: "Timed comparisons, after one to warm up.") var steps = 3
  @Option(help: "Processor threads (default: one a core).") var threads: Int?
  @OptionGroup var output: BenchmarkOutput

  func validate() throws {
    try Bounds.from(4, to: 1_000_000).check(numSamples, "--num-samples")
    try Bounds.from(1, to: 16_384).check(features, "--features")
    try Bounds.counts.check(steps, "--steps")
    try Bounds.threadCounts.check(threads, "--threads")
  }

  func run() throws {
    ProcessMemory.prepare()
    try useThreads(threads)
    let times = try MetricsBenchmark(
      work: work, imageCount: numSamples, featureCount: features, suiteFloat16: suiteFloat16,
      runCount: steps
    ).run()
    let memory = ProcessMemory.peakBytes
    try output.show(
      """
      \(work.rawValue), \(numSamples) images, \(features) features, \
      \(Amount.of(LibTorch.threadCount, "thread"))
      \(times.median) s (first \(times.first) s), peak memory \(memory >> 20) MiB
      """,
      [
        "seconds_per_comparison": times.median, "first_comparison_seconds": times.first,
        "peak_memory_bytes": memory, "threads": LibTorch.threadCount, "work": work.rawValue,
        "num_samples": numSamples, "features": features, "suite_float16": suiteFloat16,
      ])
  }
}
