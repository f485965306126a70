public import Torch

/// Layer normalization of the last dimension without scale or shift (Ba et al. 2016).
public struct LayerNorm {
  let epsilon: Double

  /// A normalization that adds `epsilon` to the variance.
  public init(epsilon: Double) { self.epsilon = epsilon }

  /// Normalizes `[..., D]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { layerNorm(x, epsilon: epsilon) }
}
