public import Torch

/// The norm of queries or keys over the channels of each head (QK-norm; Henry et al. 2020).
public struct HeadNorm {
  /// The norm.
  public let kind: NormKind
  /// `[d]`
  public let weight: Tensor
  /// `[d]`; nil for an RMSNorm.
  public let bias: Tensor?

  /// Makes `weight`, then `bias` for a layer norm.
  public init(_ kind: NormKind, _ headWidth: Int, at scope: Scope) {
    self.kind = kind
    weight = scope.parameter("weight", [headWidth], .ones)
    bias = kind == .layer ? scope.parameter("bias", [headWidth], .zeros) : nil
  }

  /// Added to the variance or mean square: the defaults of the published layers.
  public var epsilon: Double {
    switch kind {
    case .layer: 1e-5
    case .rms: 1e-6
    }
  }

  /// Normalizes the last dimension, `[..., d]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    switch kind {
    case .layer: layerNorm(x, weight: weight, bias: bias, epsilon: epsilon)
    case .rms: rmsNorm(x, weight: weight, epsilon: epsilon)
    }
  }
}
