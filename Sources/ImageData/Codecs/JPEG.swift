internal import CImage

extension RGBImage {
  /// Decodes a JPEG file with libjpeg; grayscale and CMYK become RGB.
  ///
  /// The orientation tag is ignored.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - size: side of the later square crop. Decoding halves both sides as often as the crop would,
  ///     at most three times and only to whole pixels. nil: never.
  /// - Returns: the image, halved or not.
  /// - Throws: `ImageError`.
  static func decodingJPEG(
    _ bytes: UnsafeBufferPointer<UInt8>, halvedFor size: Int?
  ) throws(ImageError) -> RGBImage {
    var (fullWidth, fullHeight): (UInt32, UInt32) = (0, 0)
    if let message = cimage_jpeg_size(bytes.baseAddress, bytes.count, &fullWidth, &fullHeight) {
      throw ImageError("JPEG: \(String(cString: message))")
    }
    try checkPixelCount("JPEG", width: Int(fullWidth), height: Int(fullHeight))
    let side = Int(min(fullWidth, fullHeight))
    let wanted = min(size.map { RGBImage.halvings(of: side, for: $0) } ?? 0, 3)
    let exact = min(fullWidth.trailingZeroBitCount, fullHeight.trailingZeroBitCount)
    let shift = UInt32(max(min(wanted, exact), 0))
    let (width, height) = (fullWidth >> shift, fullHeight >> shift)
    return try RGBImage(format: "JPEG", width: Int(width), height: Int(height)) { pixels in
      cimage_jpeg_decode(bytes.baseAddress, bytes.count, 1 << shift, pixels, width, height)
    }
  }
}

extension RGBImage {
  /// The image as a JPEG file, encoded by libjpeg with colour at half the width and height.
  ///
  /// - Parameter quality: from 1, small and rough, to 100.
  /// - Returns: the bytes of the file.
  /// - Throws: `ImageError` for another quality, and above 65,500 pixels a side.
  public func jpeg(quality: Int = 90) throws -> [UInt8] {
    guard (1...100).contains(quality) else {
      throw ImageError("JPEG has a quality of 1 to 100, not \(quality)")
    }
    guard max(width, height) <= 65500 else {
      throw ImageError("an image of \(width) x \(height) pixels is too large for JPEG")
    }
    var buffer = cimage_buffer()
    if let message = cimage_jpeg_encode(
      pixels, UInt32(width), UInt32(height), Int32(quality), &buffer)
    {
      throw ImageError("JPEG: \(String(cString: message))")
    }
    defer { cimage_free(buffer) }
    return Array(UnsafeBufferPointer(start: buffer.bytes, count: buffer.count))
  }
}
