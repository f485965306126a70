public import Torch

/// Precision and recall of samples (Kynkäänniemi et al. 2019, equations 1 and 2): the share of samples inside
/// the reference's manifold, and the share of reference images inside the samples' manifold. A manifold is the
/// union of balls about its images, each of which reaches to the k-th nearest image of its own set.
public struct PrecisionRecall: Sendable, Equatable {
  /// Neighbours of an image inside its ball, k.
  public var neighbourCount: Int
  /// Whether to round distances as the evaluation suite does, which moves both shares by up to 0.0025.
  public var suiteFloat16: Bool

  /// Options; the defaults are the evaluation suite's, with exact distances.
  public init(neighbourCount: Int = 3, suiteFloat16: Bool = false) {
    (self.neighbourCount, self.suiteFloat16) = (neighbourCount, suiteFloat16)
  }

  /// The shares, and what they are made of.
  public struct Result: Sendable, Equatable {
    /// Of each sample, whether it is inside the reference's manifold.
    public let isInside: [Bool]
    /// Of each reference image, whether it is inside the samples' manifold.
    public let isCovered: [Bool]
    /// Of each sample, the nearest reference image.
    public let nearest: [Int]
    /// Of each sample, the squared distance to it.
    public let nearestDistance: [Double]
    /// Of each reference image, the squared radius of its ball.
    public let referenceRadius: [Double]

    /// The share of samples inside the reference's manifold.
    public var precision: Double { Result.share(isInside) }
    /// The share of reference images inside the samples' manifold.
    public var recall: Double { Result.share(isCovered) }
    /// The bootstrap range of precision over samples, with the balls as they are.
    public var precisionInterval: Interval {
      Interval.bootstrap(share: precision, count: isInside.count)
    }
    /// The bootstrap range of recall over reference images, with the balls as they are.
    public var recallInterval: Interval {
      Interval.bootstrap(share: recall, count: isCovered.count)
    }

    private static func share(_ flags: [Bool]) -> Double {
      Double(flags.count { $0 }) / Double(flags.count)
    }
  }

  /// Compares two sets. Memory beside the features is that of a few blocks of distances.
  ///
  /// - Parameters:
  ///   - samples: `[N, D]`, float32
  ///   - reference: `[M, D]`, float32
  ///   - check: called for each block; throws to stop.
  /// - Returns: the shares.
  /// - Throws: `EvaluationError`: `otherFeatures`; `tooFewImages` below k + 1; `TorchError` if memory does not
  ///   suffice; what `check` throws.
  public func compare(
    samples: Tensor, reference: Tensor, check: () throws -> Void = {}
  ) throws -> Result {
    try checkFeatures(samples, reference, atLeast: neighbourCount + 1)
    return try withTorchErrors {
      suiteFloat16
        ? try compare(samples, reference, SuiteDistances.self, check)
        : try compare(samples, reference, ExactDistances.self, check)
    }
  }

  private func compare<Distances: SquaredDistances>(
    _ samples: Tensor, _ reference: Tensor, _ type: Distances.Type, _ check: () throws -> Void
  ) throws -> Result {
    let referenceRadii = try radii(of: reference, type, check)
    let sampleRadii = try radii(of: samples, type, check)
    // The suite's order: from the reference to the samples.
    let distances = Distances(from: reference, to: samples)
    let sampleBlocks = rowBlocks(samples.size(0), of: Distances.blockSize)
    var isInside: [Tensor?] = sampleBlocks.map { _ in nil }
    var nearest: [(values: Tensor, indices: Tensor)?] = sampleBlocks.map { _ in nil }
    var isCovered: [Tensor] = []
    for rows in rowBlocks(reference.size(0), of: Distances.blockSize) {
      let rowRadii = referenceRadii[rows].expandingDims(at: 1)
      var covered: Tensor?
      for (number, columns) in sampleBlocks.enumerated() {
        try check()
        let block = distances.block(rows, columns)
        let inside = block.isAtMost(rowRadii).anyTrue(axis: 0)
        isInside[number] = isInside[number]?.or(inside) ?? inside
        let within = block.isAtMost(sampleRadii[columns]).anyTrue(axis: 1)
        covered = covered?.or(within) ?? within
        let found = block.minimum(axis: 0)
        let indices = found.indices + Double(rows.lowerBound)
        guard let best = nearest[number] else {
          nearest[number] = (found.values, indices)
          continue
        }
        let isNearer = found.values.isLess(than: best.values)
        nearest[number] = (
          isNearer.select(found.values, else: best.values),
          isNearer.select(indices, else: best.indices)
        )
      }
      if let covered { isCovered.append(covered) }
    }
    return Result(
      isInside: isInside.flatMap { $0?.elements(Bool.self) ?? [] },
      isCovered: isCovered.flatMap { $0.elements(Bool.self) },
      nearest: nearest.flatMap { $0?.indices.elements(Int.self) ?? [] },
      nearestDistance: nearest.flatMap { $0?.values.elements(Double.self) ?? [] },
      referenceRadius: referenceRadii.elements(Double.self))
  }

  /// The squared distance of each image to its k-th neighbour in its own set; itself is the 0th.
  ///
  /// - Returns: `[N]`
  private func radii<Distances: SquaredDistances>(
    of features: Tensor, _ type: Distances.Type, _ check: () throws -> Void
  ) throws -> Tensor {
    let distances = Distances(from: features, to: features)
    let blocks = rowBlocks(features.size(0), of: Distances.blockSize)
    var best: [Tensor?] = blocks.map { _ in nil }
    func keep(_ block: Tensor, at number: Int) {
      let found = block.smallest(min(neighbourCount + 1, block.size(1))).values
      guard let before = best[number] else {
        best[number] = found
        return
      }
      let both = concatenated([before, found], axis: 1)
      best[number] = both.smallest(min(neighbourCount + 1, both.size(1))).values
    }
    for (first, rows) in blocks.enumerated() {
      for (second, columns) in blocks.enumerated() where second >= first || !Distances.isSymmetric {
        try check()
        let block = distances.block(rows, columns)
        keep(block, at: first)
        if Distances.isSymmetric && second > first {
          keep(block.transposed().contiguous, at: second)
        }
      }
    }
    return concatenated(best.compactMap { $0?.selected(axis: 1, index: neighbourCount) })
  }
}
