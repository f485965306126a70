internal import CImage

extension RGBImage {
  /// The first bytes of a PNG file.
  static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// The image as a PNG file, encoded by libpng.
  ///
  /// - Parameter texts: stand before the pixels, in this order.
  /// - Returns: the bytes of the file.
  /// - Throws: `ImageError` if libpng fails, for example above 2^31 pixels.
  public func png(texts: [PNGText] = []) throws -> [UInt8] {
    guard let width = UInt32(exactly: width), let height = UInt32(exactly: height) else {
      throw ImageError("an image of \(width) x \(height) pixels is too large for PNG")
    }
    var buffer = cimage_buffer()
    let message = PNGText.withChunks(texts) { chunks in
      cimage_png_encode(pixels, width, height, chunks.baseAddress, Int32(chunks.count), &buffer)
    }
    guard message == nil else {
      throw ImageError("PNG: \(message.map { String(cString: $0) } ?? "")")
    }
    defer { cimage_free(buffer) }
    return Array(UnsafeBufferPointer(start: buffer.bytes, count: buffer.count))
  }
}

extension RGBImage {
  /// Decodes a PNG file. Transparent pixels are composited on white; 16-bit channels keep their upper
  /// 8 bits.
  static func decodingPNG(_ bytes: UnsafeBufferPointer<UInt8>) throws(ImageError) -> RGBImage {
    guard let (width, height) = pngSize(bytes) else {
      throw ImageError("PNG: the file does not begin with a head; it is damaged")
    }
    return try RGBImage(format: "PNG", width: width, height: height) { pixels in
      cimage_png_decode(
        bytes.baseAddress, bytes.count, pixels, UInt32(width), UInt32(height))
    }
  }
}
