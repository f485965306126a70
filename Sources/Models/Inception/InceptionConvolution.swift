internal import Layers
public import Torch

/// A convolution without bias, batch norm with stored statistics (Ioffe & Szegedy 2015), and ReLU.
///
/// The norm is folded into the convolution: factors into the weight, offsets into a bias.
public struct InceptionConvolution {
  /// `[out, in, h, w]`, times the norm's factors.
  public let weight: Tensor
  /// `[out]`, the norm's offsets.
  public let bias: Tensor
  /// In pixels.
  public let stride: Int
  /// Zeros above and below, and on the left and right.
  public let padding: [Int]

  /// Makes `conv.weight` and the numbers of `bn`.
  ///
  /// - Parameters:
  ///   - inputCount: channels in.
  ///   - outputCount: channels out.
  ///   - kernel: height and width.
  ///   - stride: in pixels.
  ///   - padding: zeros above and below, and on the left and right.
  ///   - scope: the scope of the names.
  init(
    _ inputCount: Int, _ outputCount: Int, _ kernel: [Int], stride: Int = 1,
    padding: [Int] = [0, 0], at scope: Scope
  ) {
    let start = Initializer.uniform(fanIn: inputCount * kernel[0] * kernel[1])
    let plain = (scope / "conv").parameter("weight", [outputCount, inputCount] + kernel, start)
    func channels(_ name: String, _ start: Initializer) -> Tensor {
      (scope / "bn").parameter(name, [outputCount], start)
    }
    let (factor, offset) = (channels("weight", .ones), channels("bias", .zeros))
    let (mean, variance) = (channels("running_mean", .zeros), channels("running_var", .ones))
    self.stride = stride
    self.padding = padding
    guard [plain, factor, offset, mean, variance].allSatisfy({ $0.device != .meta }) else {
      // A parameter is missing; the store tells which.
      (weight, bias) = (plain, offset)
      return
    }
    let scale = factor / (variance + 0.001).squareRoot
    weight = plain * scale.reshaped([outputCount, 1, 1, 1])
    bias = offset - mean * scale
  }

  /// Applies the layer.
  ///
  /// - Parameter x: `[N, in, H, W]`
  /// - Returns: `[N, out, H', W']`
  public func callAsFunction(_ x: Tensor) -> Tensor { relu(linear(x)) }

  /// Applies the layer without ReLU.
  func linear(_ x: Tensor) -> Tensor {
    conv2d(x, weight: weight, bias: bias, stride: stride, padding: padding)
  }
}
