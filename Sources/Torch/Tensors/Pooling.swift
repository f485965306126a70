private enum Pooling {
  static let maximum = Operator("aten::max_pool2d")
  static let average = Operator("aten::avg_pool2d")
}

/// The largest of each 3 x 3 pixels.
///
/// - Parameters:
///   - x: `[N, C, H, W]`
///   - stride: in pixels.
///   - padding: pixels on each side that do not count.
/// - Returns: `[N, C, H', W']`
public func maxPool3x3(_ x: Tensor, stride: Int, padding: Int = 0) -> Tensor {
  Pooling.maximum(
    .tensor(x), .ints([3, 3]), .ints([stride, stride]), .ints([padding, padding]))
}

/// The mean of each pixel and its neighbors among 3 x 3, fewer at the edges.
///
/// - Parameter x: `[N, C, H, W]`
/// - Returns: `[N, C, H, W]`
public func averagePool3x3(_ x: Tensor) -> Tensor {
  Pooling.average(
    .tensor(x), .ints([3, 3]), .ints([1, 1]), .ints([1, 1]), false, false)
}
