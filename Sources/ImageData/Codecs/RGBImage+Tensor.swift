public import Torch

extension RGBImage {
  /// Reads an image of `[1, 3, H, W]` in -1 to 1: clamp(127.5 x + 128, 0, 255), truncated.
  public init(_ image: Tensor) {
    let bytes = (image[0] * 127.5 + 128).clamped(min: 0, max: 255).permuted([1, 2, 0]).to(.uint8)
    self.init(width: image.size(3), height: image.size(2), pixels: bytes.elements(UInt8.self))
  }

  /// Bytes as a model's input: x / 127.5 - 1.
  ///
  /// - Parameter pixels: `[N, H, W, 3]`, 0 to 255.
  /// - Returns: `[N, 3, H, W]`, float32, -1 to 1.
  public static func modelInput(_ pixels: Tensor) -> Tensor {
    pixels.permuted([0, 3, 1, 2]).to(.float32).contiguous * (1 / 127.5) - 1
  }
}
