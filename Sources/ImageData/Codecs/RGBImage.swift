/// An image of 8-bit RGB pixels.
public struct RGBImage: Sendable, Equatable {
  /// Width in pixels.
  public let width: Int
  /// Height in pixels.
  public let height: Int
  /// RGB bytes, rows from the top: 3 x width x height.
  public let pixels: [UInt8]

  /// An image of 3 x width x height bytes; any other number traps.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    guard width > 0, height > 0, pixels.count == 3 * width * height else {
      fatalError("RGBImage: \(pixels.count) bytes for \(width) x \(height) pixels")
    }
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}

/// Failure to read, write or list images.
public struct ImageError: Error, CustomStringConvertible, Equatable {
  /// What is wrong and what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  /// Makes an error.
  public init(_ message: String) { self.message = message }
}
