public import Torch

/// One side of a comparison: what metrics look at in a set of images.
public struct FeatureSet {
  /// The number of images with finite features.
  public let count: Int
  /// The numbers of images whose features are infinite or NaN; they are left out of everything.
  public let nonFinite: [Int]
  /// `[count, D]`, float32; nil if no metric needs it.
  public let pooled: Tensor?
  /// Mean and covariance of pooled features; nil if no metric needs them.
  public internal(set) var moments: FeatureMoments?
  /// Mean and covariance of features with places; nil if there are none or no metric needs them.
  public internal(set) var spatialMoments: FeatureMoments?
  /// The score of the scores of classes; nil if there are none or no metric needs it.
  public let inceptionScore: InceptionScore?

  /// Reads the features of all batches of a store, in order.
  ///
  /// - Parameters:
  ///   - store: with all batches.
  ///   - need: what to keep.
  ///   - check: called for each batch; throws to stop.
  /// - Throws: `EvaluationError`: `tooFewImages` below two for moments, `otherFeatures` for a file of
  ///   others; `FileError`; `TorchError`; what `check` throws.
  public init(
    _ store: FeatureStore, need: Metric.Need, check: () throws -> Void = {}
  ) throws {
    var builder = FeatureSetBuilder(store.widths, capacity: store.imageCount, need: need)
    try store.forEachBatch { images, features in
      try check()
      try builder.add(features, first: images.lowerBound)
    }
    self = try builder.finish()
  }

  init(
    count: Int, nonFinite: [Int], pooled: Tensor?, moments: FeatureMoments?,
    spatialMoments: FeatureMoments?, inceptionScore: InceptionScore?
  ) {
    self.count = count
    self.nonFinite = nonFinite
    self.pooled = pooled
    self.moments = moments
    self.spatialMoments = spatialMoments
    self.inceptionScore = inceptionScore
  }

  /// A set known by moments alone, of a reference file without images.
  public init(moments: FeatureMoments?, spatialMoments: FeatureMoments?) {
    self.init(
      count: 0, nonFinite: [], pooled: nil, moments: moments, spatialMoments: spatialMoments,
      inceptionScore: nil)
  }

  /// The set with other moments, where given: those of a reference file in place of those of the images in it,
  /// which may be fewer.
  public func with(moments: FeatureMoments?, spatialMoments: FeatureMoments?) -> FeatureSet {
    var result = self
    result.moments = moments ?? self.moments
    result.spatialMoments = spatialMoments ?? self.spatialMoments
    return result
  }
}
