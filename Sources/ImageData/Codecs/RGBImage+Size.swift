internal import CImage
internal import Files

extension RGBImage {
  /// The size in the head of an image file; the pixels are not decoded.
  ///
  /// - Parameter path: a JPEG, PNG or BMP file.
  /// - Returns: width and height in pixels; nil if there is no such head, or sizes that are not decoded: empty,
  ///   or more than `maximalPixelCount`.
  public static func size(ofFile path: String) -> (width: Int, height: Int)? {
    guard let file = try? MappedFile(path), let size = size(in: file) else { return nil }
    do {
      try checkPixelCount("head", width: size.width, height: size.height)
    } catch {
      return nil
    }
    return size
  }

  private static func size(in file: MappedFile) -> (width: Int, height: Int)? {
    withExtendedLifetime(file) {
      let bytes = file.bytes.bindMemory(to: UInt8.self)
      if bytes.starts(with: pngSignature) { return pngSize(bytes) }
      if bytes.starts(with: "BM".utf8) { return BMPHead(bytes).map { ($0.width, $0.height) } }
      var (width, height): (UInt32, UInt32) = (0, 0)
      let message = cimage_jpeg_size(bytes.baseAddress, bytes.count, &width, &height)
      return message == nil ? (Int(width), Int(height)) : nil
    }
  }

  /// The size of a PNG file; nil if it does not begin with a head.
  static func pngSize(_ bytes: UnsafeBufferPointer<UInt8>) -> (width: Int, height: Int)? {
    // The header is at a fixed offset: signature, length 13, "IHDR", width, height.
    guard bytes.count >= 24, bytes[12..<16].elementsEqual("IHDR".utf8) else { return nil }
    func size(at start: Int) -> Int {
      bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    return (size(at: 16), size(at: 20))
  }
}
