public import Torch

/// Layer normalization whose scale and shift come from outside (adaLN; Peebles & Xie 2023, section
/// 3.2).
public struct AdaptiveLayerNorm {
  let epsilon: Double

  /// A norm; `epsilon` is added to the variance.
  public init(epsilon: Double) { self.epsilon = epsilon }

  /// norm(x) (1 + scale) + shift.
  ///
  /// - Parameters:
  ///   - x: `[N, T, D]`
  ///   - shift: `[N, 1, D]`
  ///   - scale: `[N, 1, D]`
  /// - Returns: `[N, T, D]`
  public func callAsFunction(_ x: Tensor, shift: Tensor, scale: Tensor) -> Tensor {
    adaptiveNorm(x, shift: shift, scale: scale, epsilon: epsilon)
  }

  /// The same of x + gate y, the residual of adaLN-Zero, which comes first within a block.
  ///
  /// - Parameters:
  ///   - y: `[N, T, D]`
  ///   - gate: `[N, 1, D]`
  ///   - x: `[N, T, D]`
  ///   - shift: `[N, 1, D]`
  ///   - scale: `[N, 1, D]`
  /// - Returns: the sum and its norm, `[N, T, D]`.
  public func afterAdding(
    _ y: Tensor, gate: Tensor, to x: Tensor, shift: Tensor, scale: Tensor
  ) -> (sum: Tensor, norm: Tensor) {
    gatedAddAndNorm(x, y, gate: gate, shift: shift, scale: scale, epsilon: epsilon)
  }
}
