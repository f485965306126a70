/// Convolutions of oneDNN over weights that are laid out once, float32, on a processor.
public struct OneDNNConvolution: Sendable {
  private static let operators: (pack: Operator, convolution: Operator)? = {
    guard let pack = try? Operator(finding: "mkldnn::_reorder_convolution_weight"),
      let convolution = try? Operator(finding: "mkldnn::_convolution_pointwise")
    else { return nil }
    return (pack, convolution)
  }()

  private let pack: Operator
  private let convolution: Operator

  /// nil if libtorch has none.
  public init?() {
    guard let operators = OneDNNConvolution.operators else { return nil }
    (pack, convolution) = operators
  }

  /// Lays out a weight.
  ///
  /// - Parameters:
  ///   - weight: `[out, in, h, w]`, float32.
  ///   - stride: in pixels.
  ///   - padding: zeros above and below, and on the left and right.
  ///   - size: number, height and width of the images. For others the weight may be laid out again in each
  ///     call.
  /// - Returns: a weight for calls with the same stride and padding only.
  public func packed(_ weight: Tensor, stride: Int, padding: [Int], size: [Int]) -> Tensor {
    let (_, inputs, height, width) = weight.size4
    // Strides tell oneDNN that channels are last, also where all strides mean the same.
    let last = weight.permuted([0, 2, 3, 1]).contiguous.strided(
      shape: weight.shape, strides: [height * width * inputs, 1, width * inputs, inputs])
    return pack(
      .tensor(last), .ints(padding), .ints([stride, stride]), .ints([1, 1]), 1,
      .ints([size[0], inputs, size[1], size[2]]))
  }

  /// Applies a convolution.
  ///
  /// - Parameters:
  ///   - x: `[N, H, W, in]`, without gaps.
  ///   - weight: from `packed`.
  ///   - bias: `[out]`
  ///   - stride: in pixels.
  ///   - padding: zeros above and below, and on the left and right.
  ///   - rectifies: whether max(0, ·) follows.
  /// - Returns: `[N, H', W', out]`
  public func callAsFunction(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor, stride: Int, padding: [Int], rectifies: Bool
  ) -> Tensor {
    convolution(
      .tensor(x.permuted([0, 3, 1, 2])), .tensor(weight), .tensor(bias), .ints(padding),
      .ints([stride, stride]), .ints([1, 1]), 1, .string(rectifies ? "relu" : "none"),
      .scalars([]), .string("")
    ).permuted([0, 2, 3, 1])
  }
}
