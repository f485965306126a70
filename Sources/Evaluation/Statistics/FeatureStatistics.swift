internal import Foundation
public import Torch

/// Mean and covariance of features that come in batches, added up in float64.
///
/// A batch is reduced to its own mean and scatter (the sum of outer products about the mean), which are then
/// merged: M = Ma + Mb + δδᵀ na nb / (na + nb), where δ is the difference of the means. No large sums of
/// squares are subtracted. Source: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample
/// variance", the pairwise update.
public struct FeatureStatistics {
  /// The number of images.
  public private(set) var count = 0
  /// The number of features, D.
  public let featureCount: Int

  /// `[D]`
  private var mean: Tensor
  /// `[D, D]`: the sum of outer products about the mean.
  private var scatter: Tensor

  private static let magic = Array("DITSTAT1".utf8)

  /// Statistics of no images.
  public init(featureCount: Int) {
    self.featureCount = featureCount
    mean = Tensor.zeros([featureCount], dtype: .float64)
    scatter = Tensor.zeros([featureCount, featureCount], dtype: .float64)
  }

  /// Adds the features of a batch.
  ///
  /// - Parameter features: `[n, D]`
  /// - Throws: `EvaluationError`: `otherFeatures` for another shape, `nonFinite`; `TorchError` if memory does
  ///   not suffice. Nothing is added then.
  public mutating func add(_ features: Tensor) throws {
    guard features.rank == 2, features.size(1) == featureCount else {
      throw EvaluationError(
        .otherFeatures, "features \(features.shape) are not [n, \(featureCount)]")
    }
    guard features.size(0) > 0 else { return }
    let sum = try withTorchErrors {
      let rows = features.to(.cpu).to(.float64)
      guard rows.isFinite.allTrue else {
        throw EvaluationError(.nonFinite, "features have infinite numbers or NaN")
      }
      let center = rows.mean(axes: [0])
      return merged(count: rows.size(0), mean: center, factor: rows - center)
    }
    (count, mean, scatter) = sum
  }

  /// Adds the images of other statistics.
  ///
  /// - Throws: `EvaluationError`: `otherFeatures` for another number of features; `TorchError`.
  public mutating func merge(_ other: FeatureStatistics) throws {
    guard other.featureCount == featureCount else {
      throw EvaluationError(
        .otherFeatures, "statistics of \(other.featureCount) features do not fit \(featureCount)")
    }
    guard other.count > 0 else { return }
    let sum = try withTorchErrors {
      let none = Tensor.zeros([0, featureCount], dtype: .float64)
      let sum = merged(count: other.count, mean: other.mean, factor: none)
      return (sum.count, sum.mean, sum.scatter + other.scatter)
    }
    (count, mean, scatter) = sum
  }

  /// With images whose scatter is that of the rows of `factor`, `[m, D]`, about 0.
  private func merged(
    count otherCount: Int, mean otherMean: Tensor, factor: Tensor
  ) -> (count: Int, mean: Tensor, scatter: Tensor) {
    let total = count + otherCount
    let difference = otherMean - mean
    let weight = Double(count) * Double(otherCount) / Double(total)
    let rows = concatenated([factor, (difference * weight.squareRoot()).expandingDims(at: 0)])
    return (
      total, mean + difference * (Double(otherCount) / Double(total)),
      scatter.addingMatrixProduct(rows.transposed(), rows)
    )
  }

  /// Mean and covariance.
  ///
  /// - Throws: `EvaluationError`: `tooFewImages` below two.
  public var moments: FeatureMoments {
    get throws {
      guard count >= 2 else {
        throw EvaluationError(
          .tooFewImages,
          "a covariance needs two images or more; there \(count == 1 ? "is 1" : "are \(count)")")
      }
      let covariance = try withTorchErrors {
        (scatter + scatter.transposed()) * (0.5 / Double(count - 1))
      }
      return try FeatureMoments(count: count, mean: mean, covariance: covariance)
    }
  }

  /// The state, exactly.
  public var bytes: [UInt8] {
    var bytes = FeatureStatistics.magic
    for number in [count, featureCount] {
      withUnsafeBytes(of: Int64(number).littleEndian) { bytes += $0 }
    }
    for tensor in [mean, scatter] { tensor.contiguous.withUnsafeBytes { bytes += $0 } }
    return bytes
  }

  /// Statistics from their bytes.
  ///
  /// - Throws: `EvaluationError`: `otherFeatures` for other bytes.
  public init(bytes: [UInt8]) throws {
    let damage = EvaluationError(
      .otherFeatures, "\(bytes.count) bytes are no statistics of features")
    guard bytes.count >= 24, Array(bytes[..<8]) == FeatureStatistics.magic else { throw damage }
    let numbers = bytes[8..<24].withUnsafeBytes { run in
      (0..<2).map { Int64(littleEndian: run.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
    }
    guard numbers[0] >= 0, (1...Int64(Int32.max)).contains(numbers[1]) else { throw damage }
    let width = Int(numbers[1])
    guard bytes.count - 24 == 8 * (width + width * width) else { throw damage }
    self.init(featureCount: width)
    count = Int(numbers[0])
    var start = 24
    for tensor in [mean, scatter] {
      tensor.withUnsafeMutableBytes { target in
        bytes[start..<start + target.count].withUnsafeBytes { target.copyMemory(from: $0) }
      }
      start += tensor.byteCount
    }
  }
}

extension FeatureStatistics: Codable {
  /// Reads `bytes`.
  public init(from decoder: any Decoder) throws {
    try self.init(bytes: [UInt8](decoder.singleValueContainer().decode(Data.self)))
  }

  /// Writes `bytes`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Data(bytes))
  }
}
