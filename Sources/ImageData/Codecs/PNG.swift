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
    // The header is at a fixed offset: signature, length 13, "IHDR", width, height.
    guard bytes.count >= 24, bytes[12..<16].elementsEqual("IHDR".utf8) else {
      throw ImageError("PNG: the file does not begin with a head; it is damaged")
    }
    func size(at start: Int) -> UInt32 {
      bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
    let (width, height) = (size(at: 16), size(at: 20))
    return try RGBImage(format: "PNG", width: Int(width), height: Int(height)) { pixels in
      cimage_png_decode(bytes.baseAddress, bytes.count, pixels, width, height)
    }
  }
}
