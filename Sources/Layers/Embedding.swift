public import Torch

/// A table of vectors, looked up by number.
public struct Embedding {
  /// `[K, D]`
  public let weight: Tensor

  /// Makes `weight`, normal with the given deviation.
  public init(_ count: Int, _ width: Int, standardDeviation: Double, at scope: Scope) {
    weight = scope.parameter(
      "weight", [count, width], .normal(standardDeviation: standardDeviation))
  }

  /// The vectors of `indices` (int64, each below K): the shape of `indices`, then D.
  public func callAsFunction(_ indices: Tensor) -> Tensor { embedding(indices, table: weight) }
}
