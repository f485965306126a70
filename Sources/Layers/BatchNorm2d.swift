public import Torch

/// Batch normalization with a learned scale and shift (Ioffe & Szegedy 2015).
public struct BatchNorm2d {
  /// `[C]`
  public let weight: Tensor
  /// `[C]`
  public let bias: Tensor
  /// `[C]`; not trained by gradients.
  public let runningMean: Tensor
  /// `[C]`; not trained by gradients.
  public let runningVariance: Tensor

  /// Makes `weight`, `bias`, `running_mean`, `running_var`.
  public init(_ channelCount: Int, at scope: Scope) {
    weight = scope.parameter("weight", [channelCount], .ones)
    bias = scope.parameter("bias", [channelCount], .zeros)
    runningMean = scope.parameter("running_mean", [channelCount], .zeros)
    runningVariance = scope.parameter("running_var", [channelCount], .ones)
  }

  /// Normalizes each channel of `[N, C, H, W]`, in training by the batch, else by the running values.
  public func callAsFunction(_ x: Tensor, isTraining: Bool) -> Tensor {
    batchNorm(
      x, weight: weight, bias: bias, runningMean: runningMean, runningVariance: runningVariance,
      isTraining: isTraining)
  }
}
