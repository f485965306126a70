internal import Torch

/// Collects features of images that come in batches into a `FeatureSet`.
///
/// Moments are added up in groups of a fixed number of images, whatever the batches: the same images in the
/// same order give the same numbers to the last bit.
public struct FeatureSetBuilder {
  private let widths: FeatureWidths
  private let need: Metric.Need
  private var count = 0
  private var nonFinite: [Int] = []
  private var pooled: Tensor?
  private var moments: GroupedStatistics?
  private var spatialMoments: GroupedStatistics?
  private var score: InceptionScore?

  /// A set without images.
  ///
  /// - Parameters:
  ///   - widths: the numbers of features.
  ///   - capacity: the most images to come.
  ///   - need: what to keep.
  public init(_ widths: FeatureWidths, capacity: Int, need: Metric.Need) {
    self.widths = widths
    self.need = need
    if need.contains(.pooled) { pooled = Tensor.empty([capacity, widths.pooled]) }
    if need.contains(.moments) { moments = GroupedStatistics(width: widths.pooled) }
    if need.contains(.spatialMoments) {
      spatialMoments = widths.spatial.map { GroupedStatistics(width: $0) }
    }
    if need.contains(.logits) { score = widths.logits.map { InceptionScore(classCount: $0) } }
  }

  /// Adds the features of a batch.
  ///
  /// - Parameters:
  ///   - features: as many as the capacity has room for.
  ///   - first: the number of the first image.
  /// - Throws: `EvaluationError`: `otherFeatures` for other shapes; `TorchError`.
  public mutating func add(_ features: ImageFeatures, first: Int) throws {
    try widths.check(features, count: features.pooled.size(0))
    let features = try finite(features, first: first)
    let rows = features.pooled.size(0)
    guard rows > 0 else { return }
    if let pooled {
      try withTorchErrors {
        pooled[count..<count + rows].copyInPlace(from: features.pooled)
      }
    }
    try moments?.add(features.pooled)
    if let spatial = features.spatial { try spatialMoments?.add(spatial) }
    if let logits = features.logits { try score?.add(logits, at: count) }
    count += rows
  }

  /// The set of all images added.
  ///
  /// - Throws: `EvaluationError`: `tooFewImages` below two for moments; `TorchError`.
  public consuming func finish() throws -> FeatureSet {
    FeatureSet(
      count: count, nonFinite: nonFinite, pooled: pooled?[0..<count],
      moments: try moments?.finished().moments,
      spatialMoments: try spatialMoments?.finished().moments, inceptionScore: score)
  }

  /// The features of the images whose features are all finite; notes the others.
  private mutating func finite(_ features: ImageFeatures, first: Int) throws -> ImageFeatures {
    let parts = [features.pooled, features.spatial, features.logits]
    let flags = try withTorchErrors {
      parts.compactMap { $0?.isFinite.allTrue(axis: 1).elements(Bool.self) }
    }
    let isFinite = (0..<features.pooled.size(0)).map { row in flags.allSatisfy { $0[row] } }
    guard isFinite.contains(false) else { return features }
    nonFinite += isFinite.indices.filter { !isFinite[$0] }.map { first + $0 }
    let kept = Tensor(isFinite.indices.filter { isFinite[$0] })
    return ImageFeatures(
      pooled: features.pooled.gathered(kept), spatial: features.spatial?.gathered(kept),
      logits: features.logits?.gathered(kept))
  }
}

/// Statistics of features that are added in groups of a fixed size.
private struct GroupedStatistics {
  private var statistics: FeatureStatistics
  /// The group that is being filled.
  private let group: Tensor
  private var filled = 0

  private static let groupSize = 1_024

  init(width: Int) {
    statistics = FeatureStatistics(featureCount: width)
    group = Tensor.empty([GroupedStatistics.groupSize, width])
  }

  mutating func add(_ features: Tensor) throws {
    var start = 0
    while start < features.size(0) {
      let count = min(features.size(0) - start, GroupedStatistics.groupSize - filled)
      group[filled..<filled + count].copyInPlace(from: features[start..<start + count])
      filled += count
      start += count
      guard filled == GroupedStatistics.groupSize else { continue }
      try statistics.add(group)
      filled = 0
    }
  }

  consuming func finished() throws -> FeatureStatistics {
    try statistics.add(group[0..<filled])
    return statistics
  }
}
