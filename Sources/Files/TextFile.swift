internal import Foundation

/// Text files as editors of all systems write them.
public enum TextFile {
  /// The content of a file in UTF-8, or in UTF-16 with a byte-order mark. Byte-order marks before a line
  /// are dropped, and a line ends in `\n` alone.
  ///
  /// - Throws: `FileError`: `notText` for other bytes, `empty` for none.
  public static func content(of path: String) throws -> String {
    let file = try MappedFile(path)
    guard let text = decode(file.bytes) else {
      throw FileError(
        .notText, path: path, message: "cannot read '\(path)': it is not a text file in UTF-8")
    }
    return text
  }

  /// The text of bytes as above; nil if they are not text.
  package static func decode(_ bytes: UnsafeRawBufferPointer) -> String? {
    guard let text = utf16(bytes) ?? String(validating: bytes, as: UTF8.self) else { return nil }
    var result = String.UnicodeScalarView()
    var previous: Unicode.Scalar = "\n"
    for scalar in text.unicodeScalars {
      if scalar == "\u{FEFF}", previous == "\n" || previous == "\r" { continue }
      if !(scalar == "\n" && previous == "\r") { result.append(scalar == "\r" ? "\n" : scalar) }
      previous = scalar
    }
    return String(result)
  }

  private static func utf16(_ bytes: UnsafeRawBufferPointer) -> String? {
    let isLittle = bytes.starts(with: [0xFF, 0xFE])
    guard isLittle || bytes.starts(with: [0xFE, 0xFF]), bytes.count.isMultiple(of: 2) else {
      return nil
    }
    let units = stride(from: 2, to: bytes.count, by: 2).map { place in
      let (first, second) = (UInt16(bytes[place]), UInt16(bytes[place + 1]))
      return isLittle ? second << 8 | first : first << 8 | second
    }
    return String(validating: units, as: UTF16.self)
  }
}
