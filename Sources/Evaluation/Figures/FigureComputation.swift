internal import Torch

/// How figures are computed.
public struct FigureOptions: Sendable, Equatable {
  /// Of precision and recall.
  public var precisionRecall = PrecisionRecall()
  /// Of the kernel distance.
  public var kernelDistance = KernelDistance()

  /// The usual options.
  public init() {}

  /// The fewest images of a side.
  func leastCount(for metric: Metric) -> Int {
    switch metric {
    case .fid, .sfid, .kid: 2
    case .inceptionScore: 1
    case .precision, .recall: precisionRecall.neighbourCount + 1
    }
  }
}

/// Compares a set of images with a reference.
///
/// - Parameters:
///   - samples: what the metrics need of the samples.
///   - reference: what they need of the reference; nil if they need none.
///   - network: the name of the feature network of both.
///   - metrics: the figures wanted.
///   - options: how they are computed.
///   - check: called often; throws to stop.
/// - Returns: the figures.
/// - Throws: `EvaluationError`: `incompleteReference` and `otherFeatures` if a side lacks what a metric needs,
///   `tooFewImages`, `nonFinite` if a figure is not finite; `TorchError` if memory does not suffice; what
///   `check` throws.
public func figures(
  of samples: FeatureSet, reference: FeatureSet?, network: String, metrics: [Metric],
  options: FigureOptions = FigureOptions(), check: () throws -> Void = {}
) throws -> Figures {
  var computation = FigureComputation(
    samples: samples, reference: reference, network: network, options: options)
  for metric in Metric.allCases where metrics.contains(metric) {
    try check()
    try computation.compute(metric, check)
  }
  return computation.figures
}

/// Figures, one after the other.
private struct FigureComputation {
  let samples: FeatureSet
  let reference: FeatureSet?
  let network: String
  let options: FigureOptions
  var values: [Metric: Double] = [:]
  var intervals: [Metric: Interval] = [:]
  var kidStandardDeviation: Double?
  var neighbours: PrecisionRecall.Result?
  var notes: [FigureNote] = []

  init(samples: FeatureSet, reference: FeatureSet?, network: String, options: FigureOptions) {
    (self.samples, self.reference) = (samples, reference)
    (self.network, self.options) = (network, options)
  }

  /// The numbers of images of the statistics that distances were taken to; nil for an unknown one.
  private var statisticsCounts: [Int?] {
    var counts: [Int?] = []
    if values[.fid] != nil { counts.append(reference?.moments?.count) }
    if values[.sfid] != nil { counts.append(reference?.spatialMoments?.count) }
    return counts
  }

  private var referenceCount: Int? {
    statisticsCounts.isEmpty ? reference?.pooled?.size(0) : statisticsCounts[0]
  }

  private var referenceImageCount: Int? {
    values.keys.contains { $0.referenceNeed == .pooled } ? reference?.pooled?.size(0) : nil
  }

  var figures: Figures {
    Figures(
      features: network, sampleCount: samples.count, referenceCount: referenceCount,
      referenceImageCount: referenceImageCount, values: values,
      kidStandardDeviation: kidStandardDeviation, intervals: intervals,
      notes: countNotes + notes, neighbours: neighbours)
  }

  /// What there is to say of the numbers of images.
  private var countNotes: [FigureNote] {
    var result: [FigureNote] = []
    let counts = statisticsCounts
    if !counts.isEmpty, samples.count < FigureNote.usualCount {
      result.append(.fewImages(.samples, count: samples.count))
    }
    if let count = counts.compactMap(\.self).min(), count < FigureNote.usualCount {
      result.append(.fewImages(.reference, count: count))
    }
    if counts.contains(nil) { result.append(.unknownReferenceCount) }
    if !samples.nonFinite.isEmpty { result.append(.nonFinite(.samples, images: samples.nonFinite)) }
    if let images = reference?.nonFinite, !images.isEmpty {
      result.append(.nonFinite(.reference, images: images))
    }
    return result
  }

  mutating func compute(_ metric: Metric, _ check: () throws -> Void) throws {
    switch metric {
    case .fid: try computeDistance(metric, \.moments)
    case .sfid: try computeDistance(metric, \.spatialMoments)
    case .inceptionScore: try computeScore()
    case .precision, .recall: try computeNeighbours(metric, check)
    case .kid: try computeKernelDistance(check)
    }
    guard let value = values[metric], value.isFinite else {
      throw EvaluationError(.nonFinite, "\(metric.rawValue) is not finite")
    }
  }

  private mutating func computeDistance(
    _ metric: Metric, _ moments: KeyPath<FeatureSet, FeatureMoments?>
  ) throws {
    let (a, b) = try both(metric, moments)
    let root = try CovarianceRoot(of: b.covariance)
    let distance = try FrechetDistance.between(a, b, CovarianceRoot(of: a.covariance), root)
    values[metric] = distance
    if metric == .fid, let half = try distanceOfHalf(to: b, root), half > distance,
      half < 2 * distance
    {
      notes.append(.bias(metric, half - distance))
    }
  }

  /// The distance of half of the samples, if they are few: by the law FID(N) = FID + c / N (Chong & Forsyth
  /// 2020, section 3) it is higher by as much as that of all is too high. The law is of samples that are many
  /// beside the features: nil where half of them are not more.
  private func distanceOfHalf(to b: FeatureMoments, _ root: CovarianceRoot) throws -> Double? {
    guard samples.count < FigureNote.usualCount, let pooled = samples.pooled,
      samples.count / 2 > pooled.size(1)
    else {
      return nil
    }
    var generator = NumPyRandom(seed: 0)
    let half = Tensor(generator.choice(samples.count / 2, of: samples.count).sorted())
    var statistics = FeatureStatistics(featureCount: pooled.size(1))
    try statistics.add(pooled.gathered(half))
    let a = try statistics.moments
    return try FrechetDistance.between(a, b, CovarianceRoot(of: a.covariance), root)
  }

  private mutating func computeScore() throws {
    guard let score = samples.inceptionScore else {
      throw EvaluationError(.otherFeatures, "\(network) has no scores of classes for is")
    }
    values[.inceptionScore] = try score.value
    intervals[.inceptionScore] = score.interval
  }

  private mutating func computeNeighbours(_ metric: Metric, _ check: () throws -> Void) throws {
    let result: PrecisionRecall.Result
    if let neighbours {
      result = neighbours
    } else {
      let (a, b) = try both(metric, \.pooled)
      result = try options.precisionRecall.compare(samples: a, reference: b, check: check)
      neighbours = result
    }
    values[metric] = metric == .precision ? result.precision : result.recall
    intervals[metric] = metric == .precision ? result.precisionInterval : result.recallInterval
  }

  private mutating func computeKernelDistance(_ check: () throws -> Void) throws {
    let (a, b) = try both(.kid, \.pooled)
    let result = try options.kernelDistance.compare(samples: a, reference: b, check: check)
    values[.kid] = result.value
    intervals[.kid] = result.interval
    kidStandardDeviation = result.standardDeviation
    if result.isOverWholeSets { notes.append(.kernelOverWholeSets) }
  }

  /// What a metric needs of both sides.
  private func both<Part>(
    _ metric: Metric, _ part: KeyPath<FeatureSet, Part?>
  ) throws -> (Part, Part) {
    guard let a = samples[keyPath: part] else {
      throw EvaluationError(
        .otherFeatures, "the samples have no \(metric.sampleNeed.name) for \(metric.rawValue)")
    }
    guard let b = reference?[keyPath: part] else {
      throw EvaluationError(
        .incompleteReference,
        "the reference has no \(metric.referenceNeed.name) for \(metric.rawValue)")
    }
    return (a, b)
  }
}

extension Metric.Need {
  /// What it is, for messages.
  fileprivate var name: String {
    contains(.spatialMoments)
      ? "statistics of features with places (mu_s, sigma_s)"
      : contains(.moments) ? "statistics (mu, sigma)" : "images"
  }
}
