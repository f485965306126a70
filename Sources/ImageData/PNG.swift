internal import CImage

extension RGBImage {
  /// The image as a PNG file, by libpng.
  ///
  /// - Throws: `ImageError` if libpng refuses, as for more than 2^31 pixels.
  public func png() throws -> [UInt8] {
    guard let width = UInt32(exactly: width), let height = UInt32(exactly: height) else {
      throw ImageError("an image of \(width) x \(height) pixels is too large for PNG")
    }
    var buffer = cimage_buffer()
    let message = cimage_png_encode(pixels, width, height, &buffer)
    guard message == nil else {
      throw ImageError("PNG: \(message.map { String(cString: $0) } ?? "")")
    }
    defer { cimage_free(buffer) }
    return Array(UnsafeBufferPointer(start: buffer.bytes, count: buffer.count))
  }
}
