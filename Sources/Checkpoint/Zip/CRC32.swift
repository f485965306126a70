internal import CZlib

/// The checksum of zip archives and MindSpore files (ITU-T V.42), which also tells class names, images
/// and models from others.
package enum CRC32 {
  /// The checksum of all bytes.
  package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    checksum(bytes, after: 0)
  }

  /// The checksum of bytes that continue others, whose checksum is `previous`.
  static func checksum(_ bytes: UnsafeRawBufferPointer, after previous: UInt32) -> UInt32 {
    // Without an address, zlib would begin anew.
    guard !bytes.isEmpty else { return previous }
    return bytes.withMemoryRebound(to: UInt8.self) {
      UInt32(truncatingIfNeeded: crc32_z(uLong(previous), $0.baseAddress, $0.count))
    }
  }

  /// A checksum in eight hexadecimal digits.
  package static func text(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
