internal import Torch

/// The Fréchet distance of two Gaussians (Dowson & Landau 1982; of features, Heusel et al. 2017, equation 6):
/// |μa - μb|² + tr Σa + tr Σb - 2 tr √(√Σa Σb √Σa).
///
/// The last trace is the sum of the singular values of AᵀB for any A Aᵀ = Σa and B Bᵀ = Σb. A covariance that is
/// far from singular gives its Cholesky factor; any other the eigenvalues of a symmetric matrix, without those
/// that are zero or below to rounding. So nothing is ever complex, covariances of too few images are no special
/// case, and no digits are lost by the root of a product.
public enum FrechetDistance {
  /// The distance, 0 or more.
  ///
  /// - Throws: `EvaluationError`: `otherFeatures` for another number of features; `TorchError` if memory does
  ///   not suffice.
  public static func between(_ a: FeatureMoments, _ b: FeatureMoments) throws -> Double {
    try between(a, b, CovarianceRoot(of: a.covariance), CovarianceRoot(of: b.covariance))
  }

  /// The distance of moments whose roots are known.
  static func between(
    _ a: FeatureMoments, _ b: FeatureMoments, _ rootOfA: CovarianceRoot, _ rootOfB: CovarianceRoot
  ) throws -> Double {
    guard a.featureCount == b.featureCount else {
      throw EvaluationError(
        .otherFeatures,
        "\(a.featureCount) features cannot be compared with \(b.featureCount) others")
    }
    return try withTorchErrors {
      let product = rootOfA.factor.transposed().matmul(rootOfB.factor)
      let common = product.count == 0 ? 0 : product.singularValues().sum().item
      let means = (a.mean - b.mean).squared.sum().item
      return max(0, means + rootOfA.trace + rootOfB.trace - 2 * common)
    }
  }
}

/// A factor of a covariance.
struct CovarianceRoot {
  /// `[D, rank]`: times its transpose it is the covariance.
  let factor: Tensor
  /// The sum of the covariance's diagonal.
  let trace: Double

  /// The least square of a Cholesky factor's diagonal, relative to the covariance's, at which rounding is far
  /// below.
  private static let regularity = 1e-10

  /// A factor of a covariance.
  ///
  /// - Throws: `TorchError`.
  init(of covariance: Tensor) throws {
    (factor, trace) = try withTorchErrors {
      if let factor = covariance.choleskyFactor() {
        let least = factor.diagonal.squared.min().item
        if least > CovarianceRoot.regularity * covariance.diagonal.max().item {
          return (factor, covariance.diagonal.sum().item)
        }
      }
      let (values, vectors) = covariance.symmetricEigen()
      let width = covariance.size(0)
      let largest = values.max().item
      // The usual bound of a numerical rank. Rounding leaves zeros this large.
      let bound = Swift.max(largest, 0) * Double(width) * Double.ulpOfOne
      let rank = values.isGreater(than: bound).to(.float64).sum().item
      let first = width - Int(rank)
      let roots = values.narrowed(axis: 0, start: first, count: Int(rank)).squareRoot
      let kept = vectors.narrowed(axis: 1, start: first, count: Int(rank))
      return (kept * roots, covariance.diagonal.sum().item)
    }
  }
}

extension Tensor {
  /// A view of the diagonal of a square matrix.
  fileprivate var diagonal: Tensor { strided(shape: [size(0)], strides: [strides.reduce(0, +)]) }
}
