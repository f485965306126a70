internal import CImage

extension RGBImage {
  /// Decodes a JPEG file, by libjpeg; grayscale and CMYK become red, green, blue.
  ///
  /// An orientation among the metadata is left aside.
  ///
  /// - Parameters:
  ///   - bytes: the file.
  ///   - size: the side of the square that it will be cropped to: both sides are halved as often as
  ///     the crop would do it, three times at most and only whole pixels. Not at all if nil.
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
