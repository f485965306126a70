internal import Files
internal import Foundation
public import Parallel
internal import Pipeline
internal import Torch

/// One evaluation: features of samples and reference, then figures. Any number of processes share the
/// features; rank 0 makes the figures.
public final class EvaluationRun {
  /// The side of a comparison.
  public enum Part: String, Sendable {
    case reference
    case samples
  }

  /// What is written after the figures.
  public struct Outputs: OptionSet, Sendable {
    /// The bits.
    public let rawValue: Int

    /// Makes a set of its bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// `writeReport`, which shows some of the samples.
    public static let report = Outputs(rawValue: 1)
    /// `saveReference`, which needs the features of the reference's images.
    public static let reference = Outputs(rawValue: 2)
  }

  /// What happens.
  public enum Event: Sendable {
    /// Features of so many images follow, of which some are there from an earlier run.
    case begins(Part, count: Int, countBefore: Int)
    /// Features of so many images are there.
    case advances(Part, Int)
    /// An image takes no part.
    case leftOut(Part, LeftOutImage)
    /// All features are there; figures follow.
    case compares
  }

  /// The samples; nil to make the features of the reference alone.
  public let samples: (any EvaluatedImages)?
  /// What they are compared with.
  public let reference: EvaluationReference
  /// The figures that are made.
  public let metrics: [Metric]
  /// The folder of the features until they are removed.
  public let folder: String

  private let network: any FeatureNetwork
  private let options: FigureOptions
  private let keepsPixels: Bool
  private let ranks: RankGroup?
  /// Sides whose features are made. Moments alone need no images of the reference.
  private let parts: [(Part, any EvaluatedImages)]
  /// All that decides the features, by name.
  private var settings: [String: String]
  private var lock: FolderLock?
  private var jobs: [Part: FeatureJob] = [:]

  /// A run.
  ///
  /// - Parameters:
  ///   - samples: the images in question; nil to make the features of the reference alone.
  ///   - reference: what they are compared with.
  ///   - network: gives the features.
  ///   - networkDigest: tells networks apart: a stamp or digest of the weights.
  ///   - metrics: the figures; nil for all that network and reference allow.
  ///   - options: of the figures.
  ///   - outputs: what will be written after the run.
  ///   - folder: for the features; nil for one in the user's cache, which is the same for the same images.
  ///     Processes on several machines need one that they share.
  ///   - ranks: the processes that share the features; nil if this one is alone.
  /// - Throws: `EvaluationError` if the sides do not fit each other or a metric cannot be had.
  public init(
    samples: (any EvaluatedImages)?, reference: EvaluationReference, network: any FeatureNetwork,
    networkDigest: String, metrics: [Metric]? = nil, options: FigureOptions = FigureOptions(),
    outputs: Outputs = [], folder: String? = nil, ranks: RankGroup? = nil
  ) throws {
    self.samples = samples
    self.reference = reference
    self.network = network
    self.options = options
    keepsPixels = outputs.contains(.report)
    self.ranks = ranks
    let metrics = try reference.metrics(metrics, for: network)
    self.metrics = metrics
    try reference.check(network, for: metrics)
    try samples.map(reference.check(fits:))
    parts =
      (outputs.contains(.reference) || !reference.needOfImages(for: metrics).isEmpty
        ? reference.images.map { [(.reference, $0)] } ?? [] : [])
      + (samples.map { [(.samples, $0)] } ?? [])
    settings = ["network": network.name, "weights": networkDigest]
    for (part, images) in parts {
      for (key, value) in try images.fingerprint { settings["\(part.rawValue).\(key)"] = value }
    }
    let path = try folder ?? EvaluationRun.cachePath("evaluations", settings)
    let shared = try ranks?.broadcast(Array(path.utf8)) ?? Array(path.utf8)
    self.folder = String(decoding: shared, as: UTF8.self)
  }

  /// Makes the features that are missing, then the figures.
  ///
  /// - Parameters:
  ///   - onEvent: is told how far the run is.
  ///   - check: called between layers and while other processes are waited for; throws to stop.
  /// - Returns: the figures; nil without samples, and on ranks other than 0.
  /// - Throws: `EvaluationError`; what reading and making images throws; `FileError`; `LaunchError` if
  ///   another process is lost; what `check` throws.
  public func run(
    onEvent: (Event) throws -> Void = { _ in }, check: () throws -> Void = {}
  ) throws -> EvaluationResult? {
    try begin()
    for (part, images) in parts {
      let job = try FeatureJob(
        images, network, folder: "\(folder)/\(part.rawValue)", keepsPixels: keepsPixels,
        ranks: ranks, name: part.rawValue)
      jobs[part] = job
      try onEvent(.begins(part, count: images.count, countBefore: job.countBefore))
      while let leftOut = try job.next(check: check) {
        for image in leftOut { try onEvent(.leftOut(part, image)) }
        try onEvent(.advances(part, job.doneCount))
      }
      try onEvent(.advances(part, job.doneCount))
    }
    guard ranks.isRankZero, let samples, let job = jobs[.samples] else { return nil }
    try onEvent(.compares)
    return try result(samples, job, check)
  }

  /// What the metrics look at in the reference, once its features are made.
  ///
  /// - Parameter check: called for each batch; throws to stop.
  /// - Returns: what the metrics need, no more.
  /// - Throws: `EvaluationError`; `FileError`; what `check` throws.
  public func referenceFeatures(check: () throws -> Void = {}) throws -> FeatureSet {
    try reference.features(jobs[.reference]?.store, network, metrics: metrics, check: check)
  }

  /// Removes the features, once nothing more is asked of them.
  ///
  /// - Throws: `FileError`.
  public func removeFeatures() throws {
    guard ranks.isRankZero else { return }
    lock = nil
    try UnfinishedJob(folder: folder).remove()
  }

  /// The features of a side; nil before they are made.
  func job(of part: Part) -> FeatureJob? { jobs[part] }

  /// The name of the network.
  var networkName: String { network.name }

  /// Takes the folder, on rank 0, unless its features are of other images.
  private func begin() throws {
    guard ranks.isRankZero else { return }
    lock = try UnfinishedJob(folder: folder).begin(settings) {
      for part in [Part.reference, .samples] where Folder.exists("\(folder)/\(part.rawValue)") {
        try Folder.remove("\(folder)/\(part.rawValue)")
      }
    }
  }

  /// Where the judge of some images is kept in the user's cache.
  ///
  /// - Throws: if there is no cache.
  public static func judgePath(of images: FolderImages) throws -> String {
    try cachePath("judges", ["folder": images.name, "image_size": "\(images.width)"])
      + ".safetensors"
  }

  /// A path in the user's cache for some settings.
  private static func cachePath(_ kind: String, _ settings: [String: String]) throws -> String {
    let cache = try FileManager.default.url(
      for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: false)
    let digest = Array(try JSON.line(settings).utf8).withUnsafeBytes { SHA256.text(of: $0) }
    return cache.path + "/swift-dit/\(kind)/" + digest.prefix(16)
  }

  private func result(
    _ samples: any EvaluatedImages, _ job: FeatureJob, _ check: () throws -> Void
  ) throws -> EvaluationResult {
    let sampleSet = try FeatureSet(
      job.store, need: Metric.sampleNeed(of: metrics, count: samples.count), check: check)
    let leftOut = try job.leftOut(sampleSet.nonFinite)
    try requireFew(leftOut.count, of: samples)
    let referenceSet = try referenceFeatures(check: check)
    let referenceLeftOut = try jobs[.reference]?.leftOut(referenceSet.nonFinite) ?? []
    if let images = reference.images { try requireFew(referenceLeftOut.count, of: images) }
    let figures = try figures(
      of: sampleSet, reference: referenceSet, network: network.name, metrics: metrics,
      options: options, check: check)
    return EvaluationResult(
      figures: figures, leftOut: leftOut, referenceLeftOut: referenceLeftOut,
      labels: LabelBalance(samples.labels), agreement: try agreement(of: samples, job.store, check))
  }

  /// The share of samples that the judge takes for the class asked for; nil without a judge, or where
  /// classes are unknown to it.
  private func agreement(
    of samples: any EvaluatedImages, _ store: FeatureStore, _ check: () throws -> Void
  ) throws -> Double? {
    guard let judge = network as? Judge,
      let labels = judge.summary.labels(samples.labels, named: samples.classNames)
    else { return nil }
    var (right, count) = (0, 0)
    try store.forEachBatch { range, features in
      try check()
      guard let logits = features.logits else { return }
      let isFinite = features.pooled.isFinite.allTrue(axis: 1).elements(Bool.self)
      let rows = isFinite.indices.filter { isFinite[$0] }
      guard !rows.isEmpty else { return }
      right += Judge.agreementCount(
        logits.gathered(Tensor(rows)), labels: rows.map { labels[range.lowerBound + $0] })
      count += rows.count
    }
    return count > 0 ? Double(right) / Double(count) : nil
  }

  private func requireFew(_ count: Int, of images: any EvaluatedImages) throws {
    guard count > max(images.count / 100, min(5, images.count / 4)) else { return }
    throw EvaluationError(
      .tooManyLeftOut, "\(count) of the \(images.count) images of '\(images.name)' cannot be used")
  }
}
