internal import Torch

extension EvaluationReference {
  /// Whether a metric can be had of this reference.
  func allows(_ metric: Metric) -> Bool {
    guard case .archive(let archive) = self, archive.images == nil else { return true }
    return switch metric {
    case .fid: archive.hasMoments
    case .sfid: archive.hasSpatialMoments
    case .inceptionScore: true
    case .precision, .recall, .kid: false
    }
  }

  /// The metrics to make.
  ///
  /// - Parameters:
  ///   - wanted: nil for all that network and reference allow.
  ///   - network: gives the features.
  /// - Returns: metrics in the order of `Metric.allCases`.
  /// - Throws: `EvaluationError` if one that is wanted cannot be had.
  func metrics(_ wanted: [Metric]?, for network: any FeatureNetwork) throws -> [Metric] {
    try metrics(wanted, among: Metric.available(for: network), of: network.name)
  }

  /// The metrics to make, by those of a network that need not be there yet.
  private func metrics(
    _ wanted: [Metric]?, among possible: [Metric], of network: String
  ) throws -> [Metric] {
    guard let wanted else { return possible.filter(allows) }
    let strange = wanted.filter { !possible.contains($0) }
    guard strange.isEmpty else {
      throw EvaluationError(
        .unsuitedMetric,
        "\(network) gives no \(EvaluationReference.list(strange)), but"
          + " \(EvaluationReference.list(possible))")
    }
    let missing = wanted.filter { !allows($0) }
    guard missing.isEmpty else {
      throw EvaluationError(
        .incompleteReference,
        "'\(name)' lacks what \(EvaluationReference.list(missing)) needs: \(needs(of: missing))")
    }
    return Metric.allCases.filter(wanted.contains)
  }

  /// Checks that statistics that are needed can be read, and are of a network's features: before hours of
  /// work.
  func check(_ network: any FeatureNetwork, for metrics: [Metric]) throws {
    guard case .archive(let archive) = self,
      Metric.referenceNeed(of: metrics) != needOfImages(for: metrics)
    else { return }
    if let record = archive.record, record.features != network.name {
      throw EvaluationError(
        .otherFeatures,
        "the statistics in '\(name)' are of \(record.features), and the features of \(network.name)"
      )
    }
    _ = try moments(of: archive, network, for: metrics)
  }

  /// Checks what can be known of an evaluation by a judge before the judge is trained: that its features
  /// serve the metrics, that the images of both sides have one size, and that they are enough.
  ///
  /// - Parameters:
  ///   - samples: the images in question; nil for none.
  ///   - metrics: those wanted.
  ///   - options: of the figures.
  /// - Throws: `EvaluationError`: `unsuitedMetric`, `incompleteReference`, `otherSize`, `tooFewImages`.
  public func checkForJudge(
    of samples: (any EvaluatedImages)?, _ metrics: [Metric], _ options: FigureOptions
  ) throws {
    let metrics = try self.metrics(
      metrics, among: Metric.availableOfJudge, of: EvaluationNetwork.judgeName)
    try check(samples, for: metrics, options)
  }

  /// Checks that images of both sides have one size, and are enough for metrics.
  func check(
    _ samples: (any EvaluatedImages)?, for metrics: [Metric], _ options: FigureOptions
  ) throws {
    try samples.map(check(fits:))
    for metric in metrics {
      let needed = options.leastCount(for: metric)
      let isInImages = !needOfImages(for: [metric]).isEmpty
      let sides = [
        ("samples", samples?.count), ("reference", isInImages ? images?.count : nil),
      ]
      for (side, count) in sides {
        guard let count, count < needed else { continue }
        throw EvaluationError(
          .tooFewImages,
          "\(metric.rawValue) needs \(needed) images or more, and there \(count == 1 ? "is 1" : "are \(count)") in the \(side)"
        )
      }
    }
  }

  /// Checks that its statistics are not in a file already.
  func checkIsUnsaved() throws {
    guard case .archive(let archive) = self,
      archive.images == nil || archive.hasMoments || archive.hasSpatialMoments
    else { return }
    throw EvaluationError(.savedReference, "'\(name)' is a file of statistics already")
  }

  /// Numbers of the images of a large reference that stand for all in precision, recall and KID, and in
  /// its file: 10,000 at equal distances, as many as the evaluation suite has.
  static func chosen(of count: Int) -> [Int] {
    let most = ReferenceArchive.maximumImageCount
    guard count > most else { return Array(0..<count) }
    return (0..<most).map { $0 * count / most }
  }

  /// Checks that images of both sides have one size.
  func check(fits samples: any EvaluatedImages) throws {
    guard let images, (images.height, images.width) != (samples.height, samples.width) else {
      return
    }
    throw EvaluationError(
      .otherSize,
      "'\(samples.name)' has images of \(samples.width) x \(samples.height) pixels and '\(name)' of"
        + " \(images.width) x \(images.height)")
  }

  /// What the images of the reference are needed for, besides the statistics that it has.
  func needOfImages(for metrics: [Metric]) -> Metric.Need {
    var need = Metric.referenceNeed(of: metrics)
    guard case .archive(let archive) = self else { return need }
    if archive.hasMoments { need.remove(.moments) }
    if archive.hasSpatialMoments { need.remove(.spatialMoments) }
    return need
  }

  /// What metrics look at in the reference.
  ///
  /// - Parameters:
  ///   - store: the features of its images; nil if they are not needed.
  ///   - network: of these features.
  ///   - metrics: the figures wanted.
  ///   - more: what else is wanted of its images.
  ///   - check: called for each batch; throws to stop.
  /// - Returns: what they need, no more.
  /// - Throws: `EvaluationError`; `FileError`; what `check` throws.
  func features(
    _ store: FeatureStore?, _ network: any FeatureNetwork, metrics: [Metric],
    also more: Metric.Need, check: () throws -> Void
  ) throws -> FeatureSet {
    let need = needOfImages(for: metrics).union(more)
    let ofImages = try store.map { try EvaluationReference.features($0, need: need, check: check) }
    guard case .archive(let archive) = self else {
      return ofImages ?? FeatureSet(moments: nil, spatialMoments: nil)
    }
    let (moments, spatial) = try moments(of: archive, network, for: metrics)
    guard let ofImages else { return FeatureSet(moments: moments, spatialMoments: spatial) }
    return ofImages.with(moments: moments, spatialMoments: spatial)
  }

  /// The features of a reference's images: means and covariances of all, each feature of those chosen.
  static func features(
    _ store: FeatureStore, need: Metric.Need, check: () throws -> Void
  ) throws -> FeatureSet {
    let chosen = chosen(of: store.imageCount)
    guard need.contains(.pooled), chosen.count < store.imageCount else {
      return try FeatureSet(store, need: need, check: check)
    }
    var all = FeatureSetBuilder(
      store.widths, capacity: store.imageCount, need: need.subtracting(.pooled))
    var some = FeatureSetBuilder(store.widths, capacity: chosen.count, need: .pooled)
    var next = 0
    try store.forEachBatch { range, features in
      try check()
      try all.add(features, first: range.lowerBound)
      let first = next
      while next < chosen.count, chosen[next] < range.upperBound { next += 1 }
      guard next > first else { return }
      let rows = Tensor(chosen[first..<next].map { $0 - range.lowerBound })
      try some.add(
        ImageFeatures(
          pooled: features.pooled.gathered(rows), spatial: features.spatial?.gathered(rows),
          logits: features.logits?.gathered(rows)), first: first)
    }
    let whole = try all.finish()
    return FeatureSet(
      count: whole.count, nonFinite: whole.nonFinite, pooled: try some.finish().pooled,
      moments: whole.moments, spatialMoments: whole.spatialMoments, inceptionScore: nil)
  }

  /// The statistics that metrics need of an archive; nil for those that it lacks.
  private func moments(
    of archive: ReferenceArchive, _ network: any FeatureNetwork, for metrics: [Metric]
  ) throws -> (FeatureMoments?, spatial: FeatureMoments?) {
    let wanted = Metric.referenceNeed(of: metrics)
    return (
      wanted.contains(.moments) ? try archive.moments(featureCount: network.featureCount) : nil,
      wanted.contains(.spatialMoments)
        ? try network.spatialCount.flatMap { try archive.spatialMoments(featureCount: $0) } : nil
    )
  }

  private func needs(of metrics: [Metric]) -> String {
    var arrays: [String] = []
    for metric in metrics {
      let needed =
        switch metric {
        case .fid: "mu and sigma, or arr_0"
        case .sfid: "mu_s and sigma_s, or arr_0"
        case .inceptionScore, .precision, .recall, .kid: "images as arr_0"
        }
      if !arrays.contains(needed) { arrays.append(needed) }
    }
    return arrays.joined(separator: "; ")
  }

  private static func list(_ metrics: [Metric]) -> String {
    metrics.map(\.rawValue).joined(separator: ", ")
  }
}
