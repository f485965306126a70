public import Torch

/// Group normalization with a learned scale and shift (Wu & He 2018).
public struct GroupNorm {
  /// `[C]`
  public let weight: Tensor
  /// `[C]`
  public let bias: Tensor
  /// Divides C.
  public let groupCount: Int
  /// Added to the variance.
  public let epsilon: Double

  /// Makes `weight`, then `bias`; `groupCount` must divide `channelCount`.
  public init(_ channelCount: Int, groupCount: Int = 32, epsilon: Double = 1e-6, at scope: Scope) {
    weight = scope.parameter("weight", [channelCount], .ones)
    bias = scope.parameter("bias", [channelCount], .zeros)
    self.groupCount = groupCount
    self.epsilon = epsilon
  }

  /// Normalizes `[N, C, H, W]` over each group of channels.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    groupNorm(x, groupCount: groupCount, weight: weight, bias: bias, epsilon: epsilon)
  }
}
