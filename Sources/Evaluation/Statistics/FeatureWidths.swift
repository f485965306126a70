internal import Torch

/// The numbers of features of an image.
public struct FeatureWidths: Sendable, Equatable, Codable {
  /// Pooled features, D.
  public let pooled: Int
  /// Features with places, S; nil if there are none.
  public let spatial: Int?
  /// Classes, K; nil if there are none.
  public let logits: Int?

  /// Numbers of features.
  public init(pooled: Int, spatial: Int? = nil, logits: Int? = nil) {
    (self.pooled, self.spatial, self.logits) = (pooled, spatial, logits)
  }

  /// Those of a network.
  public init(of network: any FeatureNetwork) {
    self.init(
      pooled: network.featureCount, spatial: network.spatialCount, logits: network.classCount)
  }

  /// The numbers in the order of a file; 0 for none.
  var all: [Int] { [pooled, spatial ?? 0, logits ?? 0] }

  /// Checks the features of images.
  ///
  /// - Throws: `EvaluationError`: `otherFeatures`.
  func check(_ features: ImageFeatures, count: Int) throws {
    let shapes = [features.pooled.shape, features.spatial?.shape, features.logits?.shape]
    let expected = [pooled, spatial, logits].map { $0.map { [count, $0] } }
    guard shapes == expected else {
      throw EvaluationError(
        .otherFeatures,
        "features of shapes \(FeatureWidths.list(shapes)) are not \(FeatureWidths.list(expected))")
    }
  }

  private static func list(_ shapes: [[Int]?]) -> String {
    shapes.map { $0.map { "\($0)" } ?? "none" }.joined(separator: ", ")
  }
}
