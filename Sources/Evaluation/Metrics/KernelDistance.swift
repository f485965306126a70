public import Torch

/// The kernel distance of two sets (KID, Bińkowski et al. 2018): the unbiased squared maximum mean discrepancy
/// with the kernel (x·y / D + 1)³.
///
/// It is the mean over subsets, which are those of torch-fidelity for the same seed, features and order; if a
/// set has fewer images than a subset, it is that of the whole sets. Values below zero occur for sets that are
/// much alike.
public struct KernelDistance: Sendable, Equatable {
  /// The number of pairs of subsets.
  public var subsetCount: Int
  /// The images of a subset.
  public var subsetSize: Int
  /// The seed of their choice.
  public var seed: UInt32

  /// Pairs of features whose kernels are in memory at a time, along each side.
  private static let blockSize = 2_000
  /// Rows whose pairs among themselves are computed twice.
  private static let pairBlockSize = 250

  /// Options; the defaults are torch-fidelity's.
  public init(subsetCount: Int = 100, subsetSize: Int = 1_000, seed: UInt32 = 2020) {
    (self.subsetCount, self.subsetSize, self.seed) = (subsetCount, subsetSize, seed)
  }

  /// A distance.
  public struct Result: Sendable, Equatable {
    /// The mean over subsets, or the value over whole sets.
    public let value: Double
    /// The standard deviation over subsets; nil over whole sets.
    public let standardDeviation: Double?
    /// The bootstrap range of the mean over subsets, which share images: of the choice of subsets, not of
    /// the images; nil over whole sets.
    public let interval: Interval?
    /// Whether a set was too small for subsets.
    public var isOverWholeSets: Bool { standardDeviation == nil }
  }

  /// Compares two sets.
  ///
  /// - Parameters:
  ///   - samples: `[N, D]`
  ///   - reference: `[M, D]`
  ///   - check: called often; throws to stop.
  /// - Returns: the distance.
  /// - Throws: `EvaluationError`: `otherFeatures`, `tooFewImages` below two; `TorchError` if memory does not
  ///   suffice; what `check` throws.
  public func compare(
    samples: Tensor, reference: Tensor, check: () throws -> Void = {}
  ) throws -> Result {
    try checkFeatures(samples, reference, atLeast: 2)
    let (sampleCount, referenceCount) = (samples.size(0), reference.size(0))
    return try withTorchErrors {
      guard sampleCount >= subsetSize, referenceCount >= subsetSize else {
        let value = try KernelDistance.unbiased(samples, reference, check)
        return Result(value: value, standardDeviation: nil, interval: nil)
      }
      var generator = NumPyRandom(seed: seed)
      let values = try (0..<subsetCount).map { _ in
        let first = Tensor(generator.choice(subsetSize, of: sampleCount))
        let second = Tensor(generator.choice(subsetSize, of: referenceCount))
        return try KernelDistance.unbiased(
          samples.gathered(first), reference.gathered(second), check)
      }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      return Result(
        value: mean, standardDeviation: variance.squareRoot(),
        interval: Interval.bootstrap(meanOf: values))
    }
  }

  /// The estimate of Gretton et al. 2012, equation 3, for sets of any sizes.
  private static func unbiased(
    _ x: Tensor, _ y: Tensor, _ check: () throws -> Void
  ) throws -> Double {
    let (n, m) = (Double(x.size(0)), Double(y.size(0)))
    return try pairSum(x, check) / (n * (n - 1)) + pairSum(y, check) / (m * (m - 1))
      - 2 * kernelSum(x, y, check) / (n * m)
  }

  /// The sum of kernels of all pairs of different images, of which half are computed.
  private static func pairSum(_ x: Tensor, _ check: () throws -> Void) throws -> Double {
    var sum = 0.0
    for rows in rowBlocks(x.size(0), of: pairBlockSize) {
      try check()
      let block = x[rows].to(.float64)
      let scaled = block / Double(x.size(1))
      let kernels = cubed(scaled.matmul(block.transposed()))
      let diagonal = kernels.strided(shape: [rows.count], strides: [rows.count + 1])
      sum += kernels.sum().item - diagonal.sum().item
      sum += 2 * (try kernelSum(scaled: scaled, x[rows.upperBound..<x.size(0)], check))
    }
    return sum
  }

  private static func kernelSum(
    _ x: Tensor, _ y: Tensor, _ check: () throws -> Void
  ) throws -> Double {
    try rowBlocks(x.size(0), of: blockSize).reduce(0) { sum, rows in
      let scaled = x[rows].to(.float64) / Double(x.size(1))
      return sum + (try kernelSum(scaled: scaled, y, check))
    }
  }

  private static func kernelSum(
    scaled: Tensor, _ y: Tensor, _ check: () throws -> Void
  ) throws -> Double {
    try rowBlocks(y.size(0), of: blockSize).reduce(0) { sum, columns in
      try check()
      return sum + cubed(scaled.matmul(y[columns].to(.float64).transposed())).sum().item
    }
  }

  /// (x + 1)³
  private static func cubed(_ x: Tensor) -> Tensor {
    let base = x + 1
    return base.squared * base
  }
}

/// Ranges that cover the rows from 0 to `count`.
func rowBlocks(_ count: Int, of size: Int) -> [Range<Int>] {
  stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
}

/// Checks that two sets of features can be compared.
///
/// - Throws: `EvaluationError`: `otherFeatures`, `tooFewImages`.
func checkFeatures(_ samples: Tensor, _ reference: Tensor, atLeast count: Int) throws {
  guard samples.rank == 2, reference.rank == 2, samples.size(1) == reference.size(1) else {
    throw EvaluationError(
      .otherFeatures,
      "features \(samples.shape) cannot be compared with \(reference.shape)")
  }
  for (name, features) in [("samples", samples), ("reference", reference)]
  where features.size(0) < count {
    throw EvaluationError(
      .tooFewImages,
      "\(count) images or more are needed, and the \(name) have \(features.size(0))")
  }
}
