/// The optional checksum at the end of a MindSpore file.
///
/// Source: mindspore, train/serialization.py: "crc_num", then the CRC-32 of all bytes before it as
/// a big-endian number of ten bytes.
enum MindSporeChecksum {
  private static let mark = Array("crc_num".utf8)
  private static let byteCount = 17
  /// The longest file whose checksum is verified; longer ones would take seconds.
  private static let maximumVerifiedByteCount = 64 << 20

  /// Verifies the checksum, if the file has one, and gives the end of the message.
  ///
  /// - Throws: `CheckpointError`.
  static func verifiedEnd(_ bytes: UnsafeRawBufferPointer) throws -> Int {
    let end = bytes.count - byteCount
    guard end > 0, bytes[end..<end + mark.count].elementsEqual(mark) else { return bytes.count }
    guard end <= maximumVerifiedByteCount else { return end }
    let stated = bytes[(end + mark.count)...].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    guard stated == UInt64(CRC32.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<end]))) else {
      throw CheckpointError(
        .damaged,
        "the content does not match its checksum; copy or download the file again")
    }
    return end
  }
}
