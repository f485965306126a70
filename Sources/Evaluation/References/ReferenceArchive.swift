internal import Checkpoint
internal import Torch

/// An `.npz` file of reference statistics or images, as the evaluation suite of Dhariwal & Nichol 2021 has them:
/// `mu` and `sigma` of pooled features, `mu_s` and `sigma_s` of features with places, and images as `arr_0`, or
/// any part of these.
public struct ReferenceArchive {
  /// The file.
  public let path: String
  /// The images; nil if there are none.
  public let images: ArchivedImages?
  /// How the statistics were made; nil in files of other programs.
  public let record: ReferenceRecord?
  /// Whether there are `mu` and `sigma`.
  public let hasMoments: Bool
  /// Whether there are `mu_s` and `sigma_s`.
  public let hasSpatialMoments: Bool

  private let file: NumPyFile

  /// The names of mean and covariance.
  private static let names = ("mu", "sigma")
  private static let spatialNames = ("mu_s", "sigma_s")
  /// The largest difference of a covariance from its transpose, relative to its largest number: what sums in
  /// float32 leave.
  private static let asymmetry = 1e-3

  /// Opens a file.
  ///
  /// - Throws: `EvaluationError`: `incompleteReference` if it has none of these arrays, `noImages` if `arr_0` is
  ///   not of images; `CheckpointError` if it is no archive of arrays or damaged; `FileError`.
  public init(_ path: String) throws {
    let file = try NumPyFile(path)
    let names = Set(file.names)
    func has(_ pair: (String, String)) throws -> Bool {
      guard names.contains(pair.0) != names.contains(pair.1) else { return names.contains(pair.0) }
      throw EvaluationError(
        .incompleteReference,
        "'\(path)' has one of '\(pair.0)' and '\(pair.1)' alone; \(try file.contents)")
    }
    self.path = path
    self.file = file
    hasMoments = try has(ReferenceArchive.names)
    hasSpatialMoments = try has(ReferenceArchive.spatialNames)
    images = try file.array(ArchivedImages.arrayName).map { try ArchivedImages($0, of: file) }
    record = try ReferenceRecord(of: file)
    guard hasMoments || hasSpatialMoments || images != nil else {
      throw EvaluationError(
        .incompleteReference,
        "'\(path)' has neither statistics (mu, sigma, mu_s, sigma_s) nor images (arr_0);"
          + " \(try file.contents)")
    }
  }

  /// Mean and covariance of pooled features; nil if there are none.
  ///
  /// - Parameter featureCount: the number of features, D, that they must have.
  /// - Returns: the moments, in float64.
  /// - Throws: `EvaluationError`: `otherFeatures` for another number, `invalidReference` for arrays that are no
  ///   mean and covariance, `nonFinite`; `CheckpointError`; `TorchError`.
  public func moments(featureCount: Int) throws -> FeatureMoments? {
    hasMoments ? try read(ReferenceArchive.names, featureCount) : nil
  }

  /// Mean and covariance of features with places; nil if there are none.
  ///
  /// - Parameter featureCount: the number of features, S, that they must have.
  /// - Returns: the moments, in float64.
  /// - Throws: as `moments`.
  public func spatialMoments(featureCount: Int) throws -> FeatureMoments? {
    hasSpatialMoments ? try read(ReferenceArchive.spatialNames, featureCount) : nil
  }

  private func read(_ names: (String, String), _ width: Int) throws -> FeatureMoments {
    let mean = try array(names.0, rank: 1, width)
    let covariance = try array(names.1, rank: 2, width)
    return try withTorchErrors {
      let mean = try file.tensor(of: mean).to(.float64)
      let covariance = try file.tensor(of: covariance).to(.float64)
      for (name, tensor) in [(names.0, mean), (names.1, covariance)]
      where !tensor.isFinite.allTrue {
        throw EvaluationError(
          .nonFinite, "'\(path)': the array '\(name)' has infinite numbers or NaN")
      }
      let largest = covariance.magnitude.max().item
      let asymmetry = (covariance - covariance.transposed()).magnitude.max().item
      let variance = covariance.strided(shape: [width], strides: [width + 1]).min().item
      guard asymmetry <= ReferenceArchive.asymmetry * largest,
        variance >= -ReferenceArchive.asymmetry * largest
      else {
        let fault = variance < 0 ? "its diagonal has negative numbers" : "it is not symmetric"
        throw EvaluationError(
          .invalidReference, "'\(path)': the array '\(names.1)' is no covariance: \(fault)")
      }
      return try FeatureMoments(
        count: record?.imageCount, mean: mean,
        covariance: (covariance + covariance.transposed()) * 0.5)
    }
  }

  /// An array of the right type and shape.
  private func array(_ name: String, rank: Int, _ width: Int) throws -> NumPyArray {
    guard let array = try file.array(name) else {
      throw EvaluationError(.incompleteReference, "'\(path)' has no array '\(name)'")
    }
    let shape = [Int](repeating: width, count: rank)
    guard array.type.dtype == .float64 || array.type.dtype == .float32 else {
      throw EvaluationError(
        .invalidReference,
        "'\(path)': the array '\(name)' is \(array.summary); statistics are float64 or float32")
    }
    guard array.shape == shape else {
      throw EvaluationError(
        .otherFeatures,
        "'\(path)': the array '\(name)' is \(array.summary), not \(shape) as for these features"
          + (record.map { "; it was made of \($0.features)" } ?? ""))
    }
    return array
  }
}
