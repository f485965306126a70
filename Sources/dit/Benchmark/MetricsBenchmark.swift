internal import Evaluation
internal import Torch

/// Times figures of random features.
struct MetricsBenchmark {
  /// The work to time.
  enum Work: String, CaseIterable, Sendable {
    /// Mean and covariance of the samples.
    case moments
    /// The Fréchet distance of two moments.
    case frechet
    /// Precision and recall.
    case neighbours
    /// The kernel distance.
    case kernel
  }

  /// The work.
  var work: Work
  /// Images of each side.
  var imageCount: Int
  /// Features of an image.
  var featureCount: Int
  /// Whether distances are rounded as the evaluation suite does.
  var suiteFloat16: Bool
  /// Timed runs, after one to warm up.
  var runCount: Int

  /// Draws features, then times the work on them.
  ///
  /// - Throws: `TorchError` if memory does not suffice; `EvaluationError` for too few images.
  func run() throws -> BenchmarkTimes {
    let generator = try Generator(seed: 0)
    func draw() throws -> Tensor {
      try withTorchErrors { Tensor.randn([imageCount, featureCount], generator: generator) }
    }
    let (samples, reference) = (try draw(), try draw())
    let body: () throws -> Void
    switch work {
    case .moments: body = { _ = try moments(samples) }
    case .frechet:
      let (a, b) = (try moments(samples), try moments(reference))
      body = { _ = try FrechetDistance.between(a, b) }
    case .neighbours:
      let metric = PrecisionRecall(suiteFloat16: suiteFloat16)
      body = { _ = try metric.compare(samples: samples, reference: reference) }
    case .kernel:
      body = { _ = try KernelDistance().compare(samples: samples, reference: reference) }
    }
    return try BenchmarkTimes(runCount) { _ in try BenchmarkTimes.seconds(body) }
  }

  private func moments(_ features: Tensor) throws -> FeatureMoments {
    var builder = FeatureSetBuilder(
      FeatureWidths(pooled: featureCount), capacity: imageCount, need: .moments)
    try builder.add(ImageFeatures(pooled: features), first: 0)
    guard let moments = try builder.finish().moments else { fatalError("no moments") }
    return moments
  }
}
