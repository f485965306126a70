public import Torch

/// An affine map of the last dimension: x Wᵀ + b.
public struct Linear {
  /// `[out, in]`
  public let weight: Tensor
  /// `[out]`
  public let bias: Tensor?

  /// Makes `weight`, then `bias`.
  ///
  /// - Parameters:
  ///   - inputCount: features in.
  ///   - outputCount: features out.
  ///   - scope: where the names begin.
  ///   - weight: how the weight starts; by default as DiT's linear layers do.
  ///   - bias: how the bias starts; nil for none.
  public init(
    _ inputCount: Int, _ outputCount: Int, at scope: Scope, weight: Initializer = .xavierUniform,
    bias: Initializer? = .zeros
  ) {
    self.weight = scope.parameter("weight", [outputCount, inputCount], weight)
    self.bias = bias.map { scope.parameter("bias", [outputCount], $0) }
  }

  /// Applies the map.
  ///
  /// - Parameter x: `[..., in]`
  /// - Returns: `[..., out]`
  public func callAsFunction(_ x: Tensor) -> Tensor { linear(x, weight: weight, bias: bias) }
}
