/// The checksum of zip archives, and of whatever else is to be recognized again.
///
/// Source: ITU-T V.42, reflected polynomial 0xEDB88320, eight bytes a step by eight tables.
package enum CRC32 {
  /// Table k at 256 k: what a byte does to the sum k bytes later.
  private static let tables: [UInt32] = {
    var tables: [UInt32] = []
    for byte in 0..<256 as Range<UInt32> {
      var sum = byte
      for _ in 0..<8 {
        let isOdd = sum & 1 == 1
        sum >>= 1
        if isOdd { sum ^= 0xEDB8_8320 }
      }
      tables.append(sum)
    }
    for index in 256..<2048 {
      let previous = tables[index - 256]
      tables.append((previous >> 8) ^ tables[Int(previous & 0xFF)])
    }
    return tables
  }()

  /// The checksum of all bytes.
  package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    checksum(bytes, after: 0)
  }

  /// The checksum of bytes that have the checksum `previous`, and more after them.
  static func checksum(_ bytes: UnsafeRawBufferPointer, after previous: UInt32) -> UInt32 {
    tables.withUnsafeBufferPointer { tables in
      var sum = ~previous
      var offset = 0
      while offset + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        var rest = UInt64(littleEndian: word) ^ UInt64(sum)
        sum = 0
        for table in stride(from: 1792, through: 0, by: -256) {
          sum ^= tables[table + Int(rest & 0xFF)]
          rest >>= 8
        }
        offset += 8
      }
      for byte in bytes[offset...] {
        sum = (sum >> 8) ^ tables[Int((sum ^ UInt32(byte)) & 0xFF)]
      }
      return ~sum
    }
  }

  /// A checksum in eight hexadecimal digits.
  package static func text(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
