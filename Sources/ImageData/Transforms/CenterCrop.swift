internal import Torch

extension RGBImage {
  /// Reads an image file and crops its centre to a square.
  ///
  /// - Parameters:
  ///   - path: a JPEG, PNG or BMP file.
  ///   - size: side of the square in pixels.
  ///   - reducesWhileDecoding: lets JPEG files of at least twice the size, with even sides, shrink
  ///     in the inverse cosine transform: faster than averages, with slightly different pixels.
  /// - Throws: `ImageError` with the path if the file cannot be read or decoded.
  public init(contentsOf path: String, croppedTo size: Int, reducesWhileDecoding: Bool = false)
    throws
  {
    self = try RGBImage.reading(path) { bytes in
      try RGBImage.decoding(bytes, halvedFor: reducesWhileDecoding ? size : nil)
        .centerCropped(to: size)
    }
  }

  /// The centre square, as in the training of ADM (Dhariwal & Nichol 2021) and DiT.
  ///
  /// The image is halved by box averages while its shorter side is at least twice the size, then
  /// resized with a cubic filter; the longer side is cropped on both ends.
  ///
  /// - Parameter size: side of the square in pixels, above 0.
  /// - Returns: `size` x `size` pixels.
  /// - Throws: `ImageError` if a narrow image would grow beyond `maximalPixelCount` pixels in between.
  public func centerCropped(to size: Int) throws -> RGBImage {
    guard size > 0 else { throw ImageError("a crop to \(size) pixels; the size is above 0") }
    var image = self
    for _ in 0..<RGBImage.halvings(of: min(width, height), for: size) { image = image.boxHalved() }
    let scale = Double(size) / Double(min(image.width, image.height))
    let newWidth = Int((Double(image.width) * scale).rounded(.toNearestOrEven))
    let newHeight = Int((Double(image.height) * scale).rounded(.toNearestOrEven))
    guard newWidth <= RGBImage.maximalPixelCount / newHeight else {
      throw ImageError(
        "\(width) x \(height) pixels are too narrow: with a shorter side of \(size) they would be "
          + "more than \(RGBImage.maximalPixelCount)")
    }
    return try image.resized(width: newWidth, height: newHeight).cropped(to: size)
  }

  /// Halvings of a shorter side before the resize to `size`.
  static func halvings(of side: Int, for size: Int) -> Int {
    var (side, count) = (side, 0)
    while side >= 2 * size {
      side /= 2
      count += 1
    }
    return count
  }

  private func resized(width newWidth: Int, height newHeight: Int) throws -> RGBImage {
    guard (newWidth, newHeight) != (width, height) else { return self }
    let resized = try withTorchErrors {
      let channelsLast = Tensor(pixels, shape: [1, height, width, 3]).permuted([0, 3, 1, 2])
      return resizedBicubic(channelsLast, height: newHeight, width: newWidth)
        .permuted([0, 2, 3, 1]).elements(UInt8.self)
    }
    return RGBImage(width: newWidth, height: newHeight, pixels: resized)
  }

  private func cropped(to size: Int) -> RGBImage {
    guard (width, height) != (size, size) else { return self }
    let (left, top) = ((width - size) / 2, (height - size) / 2)
    var cropped: [UInt8] = []
    cropped.reserveCapacity(3 * size * size)
    for y in top..<top + size {
      let start = 3 * (y * width + left)
      cropped += pixels[start..<start + 3 * size]
    }
    return RGBImage(width: size, height: size, pixels: cropped)
  }

  /// The pixels mirrored left to right.
  func mirrored() -> [UInt8] {
    var mirrored: [UInt8] = []
    mirrored.reserveCapacity(pixels.count)
    for row in stride(from: 0, to: pixels.count, by: 3 * width) {
      for start in stride(from: row + 3 * (width - 1), through: row, by: -3) {
        mirrored.append(contentsOf: pixels[start..<start + 3])
      }
    }
    return mirrored
  }
}
