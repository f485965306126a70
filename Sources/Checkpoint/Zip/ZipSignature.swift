/// The words at the start of a zip archive's parts, as little-endian integers.
///
/// Source: PKWARE APPNOTE.TXT 6.3.10.
enum ZipSignature {
  static let localHeader: UInt32 = 0x0403_4B50
  static let dataDescriptor: UInt32 = 0x0807_4B50
  static let directoryEntry: UInt32 = 0x0201_4B50
  static let end: UInt32 = 0x0605_4B50
  static let end64: UInt32 = 0x0606_4B50
  static let locator64: UInt32 = 0x0706_4B50

  /// Whether the bytes begin with a zip entry or an empty archive's end.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    [localHeader, end].contains { word(of: bytes, at: 0) == $0 }
  }

  /// The word at an offset; nil outside the bytes.
  static func word(of bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32? {
    guard offset >= 0, bytes.count >= 4, offset <= bytes.count - 4 else { return nil }
    return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
}
