/// A chunk of a PNG file.
struct PNGChunk {
  let type: String
  let content: [UInt8]

  /// The chunks of a file, read by the rules of PNG's section 5.3, checksums included.
  static func all(of file: [UInt8]) -> [PNGChunk]? {
    var rest = file[...].dropFirst(8)
    var chunks: [PNGChunk] = []
    while rest.count >= 12 {
      let size = word(rest)
      guard rest.count >= size + 12 else { return nil }
      let body = rest.dropFirst(4).prefix(size + 4)
      guard word(rest.dropFirst(8 + size)) == Int(checksum(body)) else { return nil }
      chunks.append(
        PNGChunk(
          type: String(decoding: body.prefix(4), as: UTF8.self), content: Array(body.dropFirst(4))))
      rest = rest.dropFirst(size + 12)
    }
    return rest.isEmpty ? chunks : nil
  }

  /// The chunk as it stands in a file.
  var bytes: [UInt8] {
    let body = Array(type.utf8) + content
    return PNGChunk.bytes(UInt32(content.count)) + body
      + PNGChunk.bytes(PNGChunk.checksum(body[...]))
  }

  /// A file of these chunks.
  static func file(_ chunks: [PNGChunk]) -> [UInt8] {
    [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunks.flatMap(\.bytes)
  }

  private static func word(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
  }

  private static func bytes(_ word: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
  }

  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
  }
}
