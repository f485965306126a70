internal import Files

extension RGBImage {
  /// Larger images are refused before memory is allocated: a small file can claim gigabytes.
  public static let maximalPixelCount = 178_956_970

  /// Decodes a JPEG, PNG or BMP file; its first bytes tell which.
  ///
  /// JPEG may be grayscale, colour or CMYK. Transparent PNG is composited on white; its end may be
  /// missing, its checksums must be right. BMP is uncompressed, with a palette or 24 or 32 bits a pixel.
  /// Orientation, gamma and colour profiles are ignored.
  ///
  /// - Throws: `ImageError` for another format, damaged or truncated bytes, or more than
  ///   `maximalPixelCount` pixels.
  public init(decoding bytes: UnsafeRawBufferPointer) throws {
    self = try RGBImage.decoding(bytes)
  }

  /// Reads and decodes a JPEG, PNG or BMP file.
  ///
  /// - Throws: `ImageError` with the path if the file cannot be read or decoded.
  public init(contentsOf path: String) throws {
    try self.init(contentsOf: path, halvedFor: nil)
  }

  /// Reads a file; a JPEG is halved during decoding, as far as a crop to that size allows.
  package init(contentsOf path: String, halvedFor size: Int?) throws {
    self = try RGBImage.reading(path) { bytes in
      try RGBImage.decoding(bytes, halvedFor: size)
    }
  }

  /// Calls `decode` with the bytes of a file and adds the path to errors.
  static func reading(
    _ path: String, _ decode: (UnsafeRawBufferPointer) throws -> RGBImage
  ) throws(ImageError) -> RGBImage {
    do {
      let file = try MappedFile(path)
      return try withExtendedLifetime(file) { try decode(file.bytes) }
    } catch let error as FileError {
      throw ImageError(error.message)
    } catch {
      throw ImageError("cannot read the image '\(path)': \(error)")
    }
  }

  /// Decodes a file; `size` is the side of a later crop, for which a JPEG may be halved.
  static func decoding(
    _ bytes: UnsafeRawBufferPointer, halvedFor size: Int? = nil
  ) throws(ImageError) -> RGBImage {
    let bytes = bytes.bindMemory(to: UInt8.self)
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      return try decodingJPEG(bytes, halvedFor: size)
    }
    if bytes.starts(with: pngSignature) {
      return try decodingPNG(bytes)
    }
    if bytes.starts(with: "BM".utf8) { return try decodingBMP(bytes) }
    guard !bytes.isEmpty else {
      throw ImageError("there are no bytes; was the file copied or downloaded whole?")
    }
    if let kind = UnreadFormat(bytes) { throw ImageError(kind.description) }
    throw ImageError("the content is neither JPEG, PNG nor BMP, whatever the name says; convert it")
  }

  /// An image with pixels written by `fill`, which returns a message on failure.
  init(
    format: String, width: Int, height: Int,
    _ fill: (UnsafeMutablePointer<UInt8>?) -> UnsafePointer<CChar>?
  ) throws(ImageError) {
    try RGBImage.checkPixelCount(format, width: width, height: height)
    var message: String?
    let count = 3 * width * height
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      message = fill(buffer.baseAddress).map { String(cString: $0) }
      initializedCount = message == nil ? count : 0
    }
    if let message { throw ImageError("\(format): \(message)") }
    self.init(width: width, height: height, pixels: pixels)
  }

  /// Throws for empty sizes and those beyond `maximalPixelCount`.
  static func checkPixelCount(_ format: String, width: Int, height: Int) throws(ImageError) {
    guard width > 0, height > 0 else {
      throw ImageError("\(format): a size of \(width) x \(height) pixels; the file is damaged")
    }
    guard width <= maximalPixelCount / height else {
      throw ImageError(
        "\(format): \(width) x \(height) pixels are more than the \(maximalPixelCount) allowed; "
          + "shrink the image or leave it out")
    }
  }
}
