/// Writes zip archives, with faults if a test wants them.
struct ZipBytes {
  /// One entry.
  struct Entry {
    var name: String
    var content: [UInt8]
    /// The zero bytes before the content.
    var hole = 0
    var method: UInt16 = 0
    var flags: UInt16 = 0
    /// A wrong checksum to write.
    var checksum: UInt32?
    /// A wrong size for the local header.
    var localSize: Int?
    /// A wrong offset for the directory.
    var offset: Int?

    /// The words after the content, which repeat checksum and sizes.
    var descriptor: [UInt32] = []

    var size: Int { hole + content.count }
  }

  var entries: [Entry]
  /// Whether sizes and offsets have 64 bits.
  var isWide = false
  var disk: UInt16 = 0
  var comment: [UInt8] = []

  /// The archive of a pickle and storage "0", as `torch.save` lays it out.
  static func checkpoint(pickle: [UInt8], storage: [UInt8] = []) -> ZipBytes {
    ZipBytes(entries: [
      Entry(name: "x/data.pkl", content: pickle),
      Entry(name: "x/byteorder", content: Array("little".utf8)),
      Entry(name: "x/data/0", content: storage),
      Entry(name: "x/version", content: Array("3\n".utf8)),
    ])
  }

  /// The whole archive.
  var bytes: [UInt8] { pieces.flatMap { [UInt8](repeating: 0, count: $0.hole) + $0.bytes } }

  /// Runs of bytes, each after a number of zeros.
  var pieces: [(hole: Int, bytes: [UInt8])] {
    var pieces: [(hole: Int, bytes: [UInt8])] = []
    var offset = 0
    var directory: [UInt8] = []
    for entry in entries {
      let checksum = entry.checksum ?? ZipBytes.checksum(entry.content)
      directory += directoryEntry(entry, checksum, offset: entry.offset ?? offset)
      let header = localHeader(entry, checksum)
      let descriptor = entry.descriptor.flatMap { number($0) }
      pieces += [(0, header), (entry.hole, entry.content + descriptor)]
      offset += header.count + entry.size + descriptor.count
    }
    return pieces + [(0, directory + end(offset: offset, size: directory.count))]
  }

  private func localHeader(_ entry: Entry, _ checksum: UInt32) -> [UInt8] {
    let size = entry.localSize ?? entry.size
    return number(0x0403_4B50 as UInt32) + number(20 as UInt16) + number(entry.flags)
      + number(entry.method) + number(0 as UInt32) + number(checksum) + narrow(size) + narrow(size)
      + number(UInt16(entry.name.utf8.count)) + number(UInt16(extra([size, size]).count))
      + Array(entry.name.utf8) + extra([size, size])
  }

  private func directoryEntry(_ entry: Entry, _ checksum: UInt32, offset: Int) -> [UInt8] {
    let extra = extra([entry.size, entry.size, offset])
    return number(0x0201_4B50 as UInt32) + number(20 as UInt16) + number(20 as UInt16)
      + number(entry.flags) + number(entry.method) + number(0 as UInt32) + number(checksum)
      + narrow(entry.size) + narrow(entry.size) + number(UInt16(entry.name.utf8.count))
      + number(UInt16(extra.count)) + number(0 as UInt16) + number(0 as UInt16)
      + [UInt8](repeating: 0, count: 6) + narrow(offset) + Array(entry.name.utf8) + extra
  }

  private func end(offset: Int, size: Int) -> [UInt8] {
    let count = entries.count
    var wide: [UInt8] = []
    if isWide {
      wide =
        number(0x0606_4B50 as UInt32) + number(44) + number(45 as UInt16) + number(45 as UInt16)
        + number(0 as UInt32) + number(0 as UInt32) + number(count) + number(count) + number(size)
        + number(offset) + number(0x0706_4B50 as UInt32) + number(0 as UInt32)
        + number(offset + size) + number(1 as UInt32)
    }
    return wide + number(0x0605_4B50 as UInt32) + number(disk) + number(disk)
      + number(UInt16(count)) + number(UInt16(count)) + narrow(size) + narrow(offset)
      + number(UInt16(comment.count)) + comment
  }

  private func number<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    PickleBytes.littleEndian(number)
  }

  private func narrow(_ number: Int) -> [UInt8] {
    PickleBytes.littleEndian(isWide ? UInt32.max : UInt32(truncatingIfNeeded: number))
  }

  private func extra(_ numbers: [Int]) -> [UInt8] {
    guard isWide else { return [] }
    // First a part that the reader must skip.
    return number(0x4246 as UInt16) + number(2 as UInt16) + [0, 0] + number(1 as UInt16)
      + number(UInt16(8 * numbers.count)) + numbers.flatMap { number($0) }
  }

  /// CRC-32, bit by bit.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 {
        let isOdd = sum & 1 == 1
        sum >>= 1
        if isOdd { sum ^= 0xEDB8_8320 }
      }
    }
    return ~sum
  }
}
