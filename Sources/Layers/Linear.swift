public import Torch

/// A linear layer over the last dimension: x Wᵀ + b.
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
  ///   - scope: the scope of the names.
  ///   - weight: initial weight, by default that of DiT's linear layers.
  ///   - bias: initial bias; nil for no bias.
  public init(
    _ inputCount: Int, _ outputCount: Int, at scope: Scope, weight: Initializer = .xavierUniform,
    bias: Initializer? = .zeros
  ) {
    self.weight = scope.parameter("weight", [outputCount, inputCount], weight)
    self.bias = bias.map { scope.parameter("bias", [outputCount], $0) }
  }

  /// A layer over existing tensors.
  ///
  /// - Parameters:
  ///   - weight: `[out, in]`
  ///   - bias: `[out]`
  public init(weight: Tensor, bias: Tensor?) {
    self.weight = weight
    self.bias = bias
  }

  /// Features in.
  public var inputCount: Int { weight.size(1) }
  /// Features out.
  public var outputCount: Int { weight.size(0) }
  /// The numbers in weight and bias.
  public var parameterCount: Int { weight.count + (bias?.count ?? 0) }

  /// Multiply-adds for `tokenCount` tokens, without the bias.
  public func multiplyAdds(tokenCount: Int) -> Double {
    Double(tokenCount) * Double(weight.count)
  }

  /// The layer converted to another data type.
  package func converted(to dtype: DType) -> Linear {
    Linear(weight: weight.to(dtype), bias: bias?.to(dtype))
  }

  /// Applies the layer.
  ///
  /// - Parameter x: `[..., in]`
  /// - Returns: `[..., out]`
  public func callAsFunction(_ x: Tensor) -> Tensor { linear(x, weight: weight, bias: bias) }
}
