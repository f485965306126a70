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
    /// What is compared with.
    case reference
    /// The images in question.
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
    /// The features of an evaluation that was stopped long ago and never went on are removed.
    case removes(String)
    /// All features are there; figures follow.
    case compares
  }

  /// The samples; nil to make the features of the reference alone.
  public let samples: (any EvaluatedImages)?
  /// What they are compared with.
  public let reference: EvaluationReference
  /// The figures that are made.
  public let metrics: [Metric]
  /// The folder in which each side has one for its features until they are removed.
  public let folder: String

  /// Whether the folder is the user's cache.
  private let isCache: Bool
  private let network: any FeatureNetwork
  private let options: FigureOptions
  private let outputs: Outputs
  private var ranks: RankGroup?
  /// Sides whose features are made. Moments alone need no images of the reference.
  private let parts: [(Part, any EvaluatedImages)]
  /// All that decides the features of a side, by name.
  private let settings: [Part: [String: String]]
  private var locks: [FolderLock] = []
  private var jobs: [Part: FeatureJob] = [:]
  /// What was read of the features, kept for the outputs: of a large set that takes minutes.
  private var sets: [Part: FeatureSet] = [:]

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
  ///   - folder: in which each side gets one of its own, whose name tells network and images; other files
  ///     there are left alone. nil for the user's cache. Processes on several machines need one that they
  ///     share.
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
    self.outputs = outputs
    self.ranks = ranks
    let metrics = try reference.metrics(metrics, for: network)
    self.metrics = metrics
    try reference.check(network, for: metrics)
    try reference.check(samples, for: metrics, options)
    parts =
      (outputs.contains(.reference) || !reference.needOfImages(for: metrics).isEmpty
        ? reference.images.map { [(.reference, $0)] } ?? [] : [])
      + (samples.map { [(.samples, $0)] } ?? [])
    let of = ["network": network.name, "weights": networkDigest]
    settings = try Dictionary(
      uniqueKeysWithValues: parts.map { part, images in
        (part, try images.fingerprint.merging(of) { $1 })
      })
    if outputs.contains(.reference) { try reference.checkIsUnsaved() }
    isCache = folder == nil
    let path = try folder ?? EvaluationRun.cache("evaluations")
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
    try begin(onEvent)
    for (part, images) in parts {
      let job = try FeatureJob(
        images, network, folder: try path(of: part), keepsPixels: outputs.contains(.report),
        ranks: ranks,
        name: part.rawValue)
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

  /// Makes the features of the reference, of a run without samples that all of some processes have opened with
  /// the same folder.
  ///
  /// - Throws: as `run`.
  package func makeReference(
    sharedBy ranks: RankGroup?, check: () throws -> Void
  ) throws {
    self.ranks = ranks
    _ = try run(check: check)
  }

  /// The folder for the features of the reference's images; nil if none are needed.
  ///
  /// - Throws: what asking for the images' state throws.
  package func referenceFolder() throws -> String? {
    try parts.contains { $0.0 == .reference } ? path(of: .reference) : nil
  }

  /// What the metrics look at in the reference, once its features are made.
  ///
  /// - Parameter check: called for each batch; throws to stop.
  /// - Returns: what the metrics need, no more.
  /// - Throws: `EvaluationError`; `FileError`; what `check` throws.
  public func referenceFeatures(check: () throws -> Void = {}) throws -> FeatureSet {
    if let set = sets[.reference] { return set }
    var more: Metric.Need = outputs.contains(.report) ? .pooled : []
    if outputs.contains(.reference) { more.formUnion([.moments, .spatialMoments]) }
    let set = try reference.features(
      jobs[.reference]?.store, network, metrics: metrics, also: more,
      check: check)
    sets[.reference] = set
    return set
  }

  /// What metrics and page look at in the samples, once their features are made.
  func sampleFeatures(_ job: FeatureJob, check: () throws -> Void) throws -> FeatureSet {
    if let set = sets[.samples] { return set }
    let need = Metric.sampleNeed(of: metrics, count: job.store.imageCount)
    let set = try FeatureSet(
      job.store, need: outputs.contains(.report) ? need.union(.pooled) : need, check: check)
    sets[.samples] = set
    return set
  }

  /// Removes the features, once nothing more is asked of them.
  ///
  /// - Throws: `FileError`.
  public func removeFeatures() throws {
    guard ranks.isRankZero else { return }
    for (part, _) in parts { try UnfinishedJob(folder: try path(of: part)).remove() }
    Folder.removeEmpty([folder])
    locks = []
  }

  /// The features of a side; nil before they are made.
  func job(of part: Part) -> FeatureJob? { jobs[part] }

  /// The sets of which images were enlarged, with their number, once features are made.
  ///
  /// - Throws: `FileError`.
  public func enlargedCounts() throws -> [(name: String, count: Int)] {
    try parts.compactMap { part, images in
      guard images is FolderImages, let store = jobs[part]?.store else { return nil }
      let count = try store.enlargedCount()
      return count > 0 ? (images.name, count) : nil
    }
  }

  /// The name of the network.
  var networkName: String { network.name }

  /// Takes the folders, on rank 0, if their disk has room for the features.
  private func begin(_ onEvent: (Event) throws -> Void) throws {
    guard ranks.isRankZero else { return }
    if isCache { try removeForgotten(onEvent) }
    var byteCount = 0
    for (part, images) in parts {
      let path = try path(of: part)
      locks.append(try UnfinishedJob(folder: path).begin(settings[part] ?? [:]) {})
      byteCount += FeatureStore(path, of: images, network).missingByteCount
    }
    if !parts.isEmpty { try AtomicFile.checkRoom(byteCount, for: folder) }
  }

  /// The folder of a side's features. Its name tells settings apart, so that no run finds those of others.
  private func path(of part: Part) throws -> String {
    "\(folder)/\(part.rawValue)-\(try EvaluationRun.digest(of: settings[part] ?? [:]))"
  }

  /// Where the judge of some images is kept.
  ///
  /// - Parameters:
  ///   - images: of the reference.
  ///   - folder: for it; nil for the user's cache.
  /// - Returns: the path, the same for the same folder and size.
  /// - Throws: if there is no cache.
  public static func judgePath(of images: FolderImages, in folder: String?) throws -> String {
    let reference = URL(filePath: images.name).resolvingSymlinksInPath().path
    let settings = ["folder": reference, "image_size": "\(images.width)"]
    return try (folder ?? cache("judges")) + "/judge-\(try digest(of: settings)).safetensors"
  }

  /// A folder in the user's cache.
  private static func cache(_ kind: String) throws -> String {
    let cache = try FileManager.default.url(
      for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: false)
    return cache.path + "/swift-dit/\(kind)"
  }

  /// Tells settings apart, in a name.
  private static func digest(of settings: [String: String]) throws -> String {
    let digest = Array(try JSON.line(settings).utf8).withUnsafeBytes { SHA256.text(of: $0) }
    return String(digest.prefix(16))
  }

  private func result(
    _ samples: any EvaluatedImages, _ job: FeatureJob, _ check: () throws -> Void
  ) throws -> EvaluationResult {
    let sampleSet = try sampleFeatures(job, check: check)
    let leftOut = try job.leftOut(sampleSet.nonFinite)
    try samples.requireFew(leftOut.count)
    let referenceSet = try referenceFeatures(check: check)
    let referenceLeftOut = try jobs[.reference]?.leftOut(referenceSet.nonFinite) ?? []
    try reference.images?.requireFew(referenceLeftOut.count)
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
}
