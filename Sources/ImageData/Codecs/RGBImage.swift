/// An image of 8 bits for each of red, green and blue.
public struct RGBImage: Sendable, Equatable {
  /// In pixels.
  public let width: Int
  /// In pixels.
  public let height: Int
  /// Rows from the top, red, green, blue for each pixel: 3 width height bytes.
  public let pixels: [UInt8]

  /// An image of given pixels; there must be 3 width height bytes.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    guard width > 0, height > 0, pixels.count == 3 * width * height else {
      fatalError("RGBImage: \(pixels.count) bytes for \(width) x \(height) pixels")
    }
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}

/// Why an image file cannot be read or written.
public struct ImageError: Error, CustomStringConvertible, Equatable {
  /// What is wrong and what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  /// Makes an error.
  public init(_ message: String) { self.message = message }
}
