internal import CImage
internal import Files

/// A text in a PNG file (PNG, third edition, section 11.3.3).
///
/// It is written as a chunk tEXt if it is Latin-1, else as iTXt.
public struct PNGText: Sendable, Equatable {
  /// What the text is: 1 to 79 letters of Latin-1.
  public let key: String
  /// The text, without control characters but line feeds.
  public let text: String

  /// A text; control characters but line feeds become spaces.
  public init(_ key: String, _ text: String) {
    self.key = key
    self.text = String(
      String.UnicodeScalarView(
        text.unicodeScalars.map {
          $0.properties.generalCategory == .control && $0 != "\n" ? " " : $0
        }))
  }

  /// Reads a text from a PNG file, which must be whole.
  ///
  /// - Parameters:
  ///   - key: what the text is.
  ///   - path: the file.
  /// - Returns: the first text under the key, also of a compressed chunk; nil if there is none.
  /// - Throws: `ImageError` if the file cannot be read, is no PNG or is damaged, or if the text is longer
  ///   than 4 MiB.
  public static func text(_ key: String, in path: String) throws -> String? {
    do {
      let file = try MappedFile(path)
      return try withExtendedLifetime(file) {
        try text(key, in: file.bytes.bindMemory(to: UInt8.self))
      }
    } catch let error as FileError {
      throw ImageError(error.message)
    } catch {
      throw ImageError("cannot read the image '\(path)': \(error)")
    }
  }

  /// Reads a text from the bytes of a PNG file, as from a file.
  ///
  /// - Returns: the first text under the key; nil if there is none.
  /// - Throws: `ImageError` as for a file.
  package static func text(
    _ key: String, in bytes: UnsafeBufferPointer<UInt8>
  ) throws(ImageError) -> String? {
    guard bytes.starts(with: RGBImage.pngSignature) else {
      throw ImageError(
        "the content is \(kind(of: bytes)); only PNG files have texts such as settings")
    }
    var (buffer, isUTF8) = (cimage_buffer(), 0 as Int32)
    if let message = cimage_png_text(bytes.baseAddress, bytes.count, key, &buffer, &isUTF8) {
      throw ImageError("PNG: \(String(cString: message))")
    }
    defer { cimage_free(buffer) }
    guard let start = buffer.bytes else { return nil }
    let content = UnsafeBufferPointer(start: start, count: buffer.count)
    guard isUTF8 != 0 else {
      return String(String.UnicodeScalarView(content.map { UnicodeScalar($0) }))
    }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw ImageError("PNG: the text '\(key)' is not UTF-8")
    }
    return text
  }

  private static func kind(of bytes: UnsafeBufferPointer<UInt8>) -> String {
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "JPEG" }
    if bytes.starts(with: "BM".utf8) { return "BMP" }
    return UnreadFormat(bytes)?.name ?? "no image of a known kind"
  }

  /// The bytes of the text, with a zero at the end, and whether they are UTF-8.
  private var chunk: (bytes: [CChar], isUTF8: Bool) {
    let isLatin = text.unicodeScalars.allSatisfy { $0.value <= 0xFF }
    guard isLatin else { return (Array(text.utf8CString), true) }
    return (text.unicodeScalars.map { CChar(truncatingIfNeeded: $0.value) } + [0], false)
  }

  /// Calls `body` with texts as libpng takes them.
  static func withChunks<Result>(
    _ texts: [PNGText], _ body: (UnsafeBufferPointer<cimage_text>) -> Result
  ) -> Result {
    func add(_ rest: ArraySlice<PNGText>, to chunks: [cimage_text]) -> Result {
      guard let next = rest.first else { return chunks.withUnsafeBufferPointer(body) }
      let chunk = next.chunk
      return next.key.withCString { key in
        chunk.bytes.withUnsafeBufferPointer { text in
          let added = cimage_text(key: key, text: text.baseAddress, is_utf8: chunk.isUTF8 ? 1 : 0)
          return add(rest.dropFirst(), to: chunks + [added])
        }
      }
    }
    return add(texts[...], to: [])
  }
}
