public import Torch

/// A two-dimensional convolution with square windows.
public struct Conv2d {
  /// `[out, in, k, k]`
  public let weight: Tensor
  /// `[out]`
  public let bias: Tensor?
  let stride: Int
  let padding: Int

  /// Makes `weight`, then `bias`.
  ///
  /// - Parameters:
  ///   - inputCount: channels in.
  ///   - outputCount: channels out.
  ///   - kernelSize: height and width of the window.
  ///   - stride: pixels from one window to the next.
  ///   - padding: zeros on each side.
  ///   - scope: where the names begin.
  ///   - weight: how the weight starts; uniform by its fan-in if nil, as PyTorch's default.
  ///   - bias: how the bias starts; like the weight if nil.
  ///   - hasBias: whether there is a bias.
  public init(
    _ inputCount: Int, _ outputCount: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    at scope: Scope, weight: Initializer? = nil, bias: Initializer? = nil, hasBias: Bool = true
  ) {
    let fanIn = inputCount * kernelSize * kernelSize
    self.weight = scope.parameter(
      "weight", [outputCount, inputCount, kernelSize, kernelSize],
      weight ?? .uniform(fanIn: fanIn))
    self.bias =
      hasBias ? scope.parameter("bias", [outputCount], bias ?? .uniform(fanIn: fanIn)) : nil
    self.stride = stride
    self.padding = padding
  }

  /// Applies the convolution.
  ///
  /// - Parameter x: `[N, in, H, W]`
  /// - Returns: `[N, out, H', W']`
  public func callAsFunction(_ x: Tensor) -> Tensor {
    conv2d(x, weight: weight, bias: bias, stride: stride, padding: padding)
  }
}
