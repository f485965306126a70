public import Torch

/// Computes shifts, scales and gates from the condition: SiLU, then a linear layer that starts at zero
/// (adaLN-Zero; Peebles & Xie 2023, section 3.2).
public struct Modulation {
  /// `[K D, D]` for K vectors.
  public let linear: Linear
  let vectorCount: Int

  /// Makes `adaLN_modulation.1`.
  ///
  /// - Parameters:
  ///   - width: D.
  ///   - vectorCount: K.
  ///   - scope: the scope of the names.
  public init(_ width: Int, vectorCount: Int, at scope: Scope) {
    linear = Linear(width, vectorCount * width, at: scope / "adaLN_modulation.1", weight: .zeros)
    self.vectorCount = vectorCount
  }

  /// Condition `[N, D]` to K vectors `[N, 1, D]`.
  public func callAsFunction(_ c: Tensor) -> [Tensor] {
    linear(silu(c)).expandingDims(at: 1).chunks(vectorCount, axis: 2)
  }
}
