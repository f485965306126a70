public import Torch

/// A two-dimensional convolution with a square kernel.
public struct Conv2d {
  /// `[out, in, k, k]`
  public let weight: Tensor
  /// `[out]`
  public let bias: Tensor?
  let stride: Int
  let padding: Int

  /// Makes `weight`, then `bias`, with PyTorch's default initialization.
  ///
  /// - Parameters:
  ///   - inputCount: channels in.
  ///   - outputCount: channels out.
  ///   - kernelSize: height and width of the kernel.
  ///   - stride: in pixels.
  ///   - padding: zeros on each side.
  ///   - scope: the scope of the names.
  ///   - hasBias: false for a convolution without bias.
  public init(
    _ inputCount: Int, _ outputCount: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
    at scope: Scope, hasBias: Bool = true
  ) {
    let start = Initializer.uniform(fanIn: inputCount * kernelSize * kernelSize)
    self.init(
      weight: scope.parameter("weight", [outputCount, inputCount, kernelSize, kernelSize], start),
      bias: hasBias ? scope.parameter("bias", [outputCount], start) : nil,
      stride: stride, padding: padding)
  }

  /// A convolution over existing tensors.
  ///
  /// - Parameters:
  ///   - weight: `[out, in, k, k]`
  ///   - bias: `[out]`
  ///   - stride: in pixels.
  ///   - padding: zeros on each side.
  public init(weight: Tensor, bias: Tensor?, stride: Int = 1, padding: Int = 0) {
    self.weight = weight
    self.bias = bias
    self.stride = stride
    self.padding = padding
  }

  /// Multiply-adds for an output of `pixelCount` pixels, without the bias.
  public func multiplyAdds(pixelCount: Int) -> Double { Double(pixelCount) * Double(weight.count) }

  /// Applies the convolution.
  ///
  /// - Parameter x: `[N, in, H, W]`
  /// - Returns: `[N, out, H', W']`
  public func callAsFunction(_ x: Tensor) -> Tensor {
    conv2d(x, weight: weight, bias: bias, stride: stride, padding: padding)
  }
}
