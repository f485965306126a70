internal import Foundation
public import Torch

/// The Inception Score (Salimans et al. 2016): the mean over chunks of exp(E KL(p(y|x) ‖ p(y))), as the
/// evaluation suite of Dhariwal & Nichol 2021 has it, with chunks of 5,000 images in the order of the file.
///
/// A chunk is kept as a count, the sum of p and the sum of p log p: E KL = E Σ p log p - Σ q log q, where q is
/// the mean of p. Batches may come in any order.
public struct InceptionScore: Codable, Sendable, Equatable {
  /// The number of classes, K.
  public let classCount: Int
  /// The images of a chunk; the last one may have fewer.
  public let chunkSize: Int
  private var chunks: [Chunk] = []

  private struct Chunk: Codable, Sendable, Equatable {
    var count = 0
    /// The sum of p over images, for each class.
    var sums: [Double]
    /// The sum of p log p over images and classes.
    var logarithms = 0.0

    mutating func add(_ other: Chunk) {
      count += other.count
      for index in sums.indices { sums[index] += other.sums[index] }
      logarithms += other.logarithms
    }

    var score: Double {
      let scale = 1 / Double(count)
      let marginal = sums.reduce(0.0) { sum, share in
        share > 0 ? sum + share * scale * log(share * scale) : sum
      }
      return exp(logarithms * scale - marginal)
    }
  }

  /// A score of no images.
  public init(classCount: Int, chunkSize: Int = 5_000) {
    (self.classCount, self.chunkSize) = (classCount, chunkSize)
  }

  /// The number of images.
  public var count: Int { chunks.reduce(0) { $0 + $1.count } }

  /// Adds a batch of images.
  ///
  /// - Parameters:
  ///   - logits: `[n, K]`, scores before the softmax; the suite's are without bias.
  ///   - first: the number of the first image, from 0.
  /// - Throws: `EvaluationError`: `otherFeatures` for another shape, `nonFinite`; `TorchError`.
  public mutating func add(_ logits: Tensor, at first: Int) throws {
    guard logits.rank == 2, logits.size(1) == classCount, first >= 0 else {
      throw EvaluationError(.otherFeatures, "scores \(logits.shape) are not [n, \(classCount)]")
    }
    let count = logits.size(0)
    guard count > 0 else { return }
    let added = try withTorchErrors {
      let logarithms = logSoftmax(logits.to(.cpu).to(.float64))
      guard logarithms.isFinite.allTrue else {
        throw EvaluationError(.nonFinite, "scores of classes are infinite or NaN")
      }
      let shares = logarithms.exponential
      var added: [(number: Int, chunk: Chunk)] = []
      var start = 0
      while start < count {
        let number = (first + start) / chunkSize
        let rows = start..<min(count, (number + 1) * chunkSize - first)
        let (p, logP) = (shares[rows], logarithms[rows])
        added.append(
          (
            number,
            Chunk(
              count: rows.count, sums: p.sum(axes: [0]).elements(),
              logarithms: (p * logP).sum().item)
          ))
        start = rows.upperBound
      }
      return added
    }
    for (number, chunk) in added { add(chunk, at: number) }
  }

  /// Adds the images of another score with the same classes and chunks.
  ///
  /// - Throws: `EvaluationError`: `otherFeatures`.
  public mutating func merge(_ other: InceptionScore) throws {
    guard other.classCount == classCount, other.chunkSize == chunkSize else {
      throw EvaluationError(
        .otherFeatures,
        "scores over \(other.classCount) classes in chunks of \(other.chunkSize) do not fit"
          + " \(classCount) in chunks of \(chunkSize)")
    }
    for (number, chunk) in other.chunks.enumerated() { add(chunk, at: number) }
  }

  private mutating func add(_ chunk: Chunk, at number: Int) {
    while chunks.count <= number {
      chunks.append(Chunk(sums: [Double](repeating: 0, count: classCount)))
    }
    chunks[number].add(chunk)
  }

  /// The scores of the chunks that have images, in order.
  public var chunkScores: [Double] { chunks.filter { $0.count > 0 }.map(\.score) }

  /// The mean of the chunks' scores.
  ///
  /// - Throws: `EvaluationError`: `tooFewImages` if there are none.
  public var value: Double {
    get throws {
      let scores = chunkScores
      guard !scores.isEmpty else {
        throw EvaluationError(.tooFewImages, "the Inception Score needs images")
      }
      return scores.reduce(0, +) / Double(scores.count)
    }
  }

  /// The bootstrap range of the mean over chunks; nil for fewer than five.
  public var interval: Interval? { Interval.bootstrap(meanOf: chunkScores) }
}
