public import Torch

/// The scale and shift of a layer norm (Ba et al. 2016), which a `ResidualStream` applies.
public struct LayerNorm {
  /// `[D]`
  public let weight: Tensor
  /// `[D]`
  public let bias: Tensor

  /// Makes `weight`, then `bias`.
  public init(_ width: Int, at scope: Scope) {
    weight = scope.parameter("weight", [width], .ones)
    bias = scope.parameter("bias", [width], .zeros)
  }
}
