internal import Models
internal import Torch

/// A convolution and ReLU over images with channels last, `[N, H, W, C]`, packed for a processor.
struct PackedInceptionLayer {
  private enum Form {
    /// Ours, with a quarter of the multiplications.
    case minimal(PackedConvolution, isPadded: Bool)
    /// oneDNN's, with the weight in its layout.
    case oneDNN(weight: Tensor, stride: Int)
  }

  private let form: Form
  private let bias: Tensor
  private let outputCount: Int
  private let padding: [Int]
  /// Height and width of the result.
  let size: Int

  /// Packs a layer.
  ///
  /// - Parameters:
  ///   - layer: its numbers must be float32 on the CPU.
  ///   - size: height and width of its input.
  ///   - oneDNN: the operators.
  init(_ layer: InceptionConvolution, size: Int, _ oneDNN: OneDNNConvolution) {
    let shape = layer.weight.shape
    self.size = (size + 2 * layer.padding[0] - shape[2]) / layer.stride + 1
    (bias, padding, outputCount) = (layer.bias, layer.padding, shape[0])
    let isMinimal =
      shape[2...] == [3, 3] && layer.stride == 1 && padding[0] == padding[1]
      && padding[0] <= 1 && shape[1].isMultiple(of: 8)
    form =
      isMinimal
      ? .minimal(
        PackedConvolution(weight: layer.weight, bias: layer.bias), isPadded: padding[0] == 1)
      : .oneDNN(
        weight: oneDNN.packed(
          layer.weight, stride: layer.stride, padding: padding,
          size: [PackedInception.groupCount, size, size]),
        stride: layer.stride)
  }

  /// Applies the layer.
  func callAsFunction(_ x: Tensor, _ oneDNN: OneDNNConvolution) -> Tensor {
    switch form {
    case .minimal(let convolution, let isPadded):
      let (count, height, width, _) = x.size4
      let edges = isPadded ? 0 : 2
      let result = Tensor.empty([count, height - edges, width - edges, outputCount])
      convolution.writeRectified(x, isPadded: isPadded, to: result)
      return result
    case .oneDNN(let weight, let stride):
      return oneDNN(x, weight, bias, stride: stride, padding: padding, rectifies: true)
    }
  }

  /// Applies the layer to the means of 3 x 3 pixels: they commute with a convolution of single pixels.
  func ofMeans(_ x: Tensor, _ oneDNN: OneDNNConvolution) -> Tensor {
    guard case .oneDNN(let weight, let stride) = form else {
      fatalError("PackedInceptionLayer: means are taken of single pixels")
    }
    let sums = oneDNN(x, weight, bias, stride: stride, padding: padding, rectifies: false)
    return relu(averagePool3x3(sums.permuted([0, 3, 1, 2]))).permuted([0, 2, 3, 1])
  }
}
