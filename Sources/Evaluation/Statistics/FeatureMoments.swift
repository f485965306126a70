internal import Files
public import Torch

/// Mean and covariance of features: a Gaussian in their place.
public struct FeatureMoments {
  /// The number of images; nil if a reference file does not tell.
  public let count: Int?
  /// `[D]`, float64.
  public let mean: Tensor
  /// `[D, D]`, float64, divided by the number of images less one.
  public let covariance: Tensor

  /// Moments of any floating-point type.
  ///
  /// - Throws: `EvaluationError`: `otherFeatures` if the shapes do not fit, `nonFinite`.
  public init(count: Int?, mean: Tensor, covariance: Tensor) throws {
    guard mean.rank == 1, covariance.shape == [mean.count, mean.count], mean.count > 0 else {
      throw EvaluationError(
        .otherFeatures,
        "a mean \(mean.shape) and a covariance \(covariance.shape) do not belong together")
    }
    self.count = count
    self.mean = mean.to(.cpu).to(.float64)
    self.covariance = covariance.to(.cpu).to(.float64)
    guard self.mean.isFinite.allTrue, self.covariance.isFinite.allTrue else {
      throw EvaluationError(.nonFinite, "a mean or covariance has infinite numbers or NaN")
    }
  }

  /// The number of features, D.
  public var featureCount: Int { mean.count }
}
