public import Torch

/// What a network sees in images, one row an image.
public struct ImageFeatures {
  /// `[N, D]`, float32: for means, covariances and distances.
  public let pooled: Tensor
  /// `[N, S]`, float32: features with their places, for sFID; nil if the network has none.
  public let spatial: Tensor?
  /// `[N, K]`, float32: scores of classes, for the Inception Score; nil if the network has none.
  public let logits: Tensor?

  /// Features of images.
  public init(pooled: Tensor, spatial: Tensor? = nil, logits: Tensor? = nil) {
    self.pooled = pooled
    self.spatial = spatial
    self.logits = logits
  }
}

/// A network whose features measure how alike two sets of images are.
public protocol FeatureNetwork {
  /// Its name, also in reference statistics: `inception-2015-12-05`, `dinov2-vitl14`.
  var name: String { get }
  /// Features of an image, D.
  var featureCount: Int { get }
  /// Features with places, S; nil if there are none.
  var spatialCount: Int? { get }
  /// Classes, K; nil if there are none.
  var classCount: Int? { get }

  /// The features of images.
  ///
  /// - Parameters:
  ///   - images: `[N, H, W, 3]`, uint8.
  ///   - check: called between layers; throws to stop.
  /// - Returns: features, which do not depend on the batch beyond rounding.
  /// - Throws: `TorchError` if memory does not suffice; what `check` throws.
  func features(of images: Tensor, check: () throws -> Void) throws -> ImageFeatures
}
