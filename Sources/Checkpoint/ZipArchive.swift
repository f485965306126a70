/// What the first bytes of a zip archive are.
enum ZipSignature {
  /// Whether the bytes begin with a zip entry or an empty archive's end.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || bytes.starts(with: [0x50, 0x4B, 0x05, 0x06])
  }
}
