public import Torch

/// Images as `InceptionV3` takes them: resized to 299 x 299 pixels as TensorFlow 1 did, then
/// (x - 128) / 128.
///
/// Linear interpolation at source = place × old size / new size, in float32: pixels are points at their
/// upper left corners, and shrinking averages only the two nearest rows and columns.
///
/// Source: `ResizeBilinear` of TensorFlow 1 with `align_corners` and `half_pixel_centers` false.
///
/// - Parameter images: `[N, H, W, 3]`, uint8.
/// - Returns: `[N, 299, 299, 3]`, float32.
public func inceptionInput(_ images: Tensor) -> Tensor {
  let (_, height, width, _) = images.size4
  let size = InceptionV3.imageSize
  let x = interpolated(images.to(.float32), from: width, to: size, axis: 2)
  return (interpolated(x, from: height, to: size, axis: 1) - 128) / 128
}

/// Interpolates along one dimension of `[N, H, W, C]`.
private func interpolated(_ x: Tensor, from count: Int, to size: Int, axis: Int) -> Tensor {
  guard count != size else { return x }
  let scale = Float(Double(count) / Double(size))
  let places = (0..<size).map { Float($0) * scale }
  let before = places.map { Int64($0) }
  let after = before.map { min($0 + 1, Int64(count) - 1) }
  var shape = [1, 1, 1, 1]
  shape[axis] = size
  let shares = Tensor(zip(places, before).map { $0 - Float($1) }, shape: shape).to(x.device)
  let first = x.gathered(Tensor(before).to(x.device), axis: axis)
  let second = x.gathered(Tensor(after).to(x.device), axis: axis)
  return first + (second - first) * shares
}
