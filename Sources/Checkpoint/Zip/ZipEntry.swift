/// One entry of a zip archive's directory.
struct ZipEntry {
  /// The name: a relative path with `/`, also at the end for a folder.
  let name: String
  /// The range of its bytes in the file.
  let data: Range<Int>
  /// The offset of its local header.
  let headerOffset: Int
  /// The checksum in the directory.
  let checksum: UInt32
  /// Whether it is compressed; its data is then located by `packedData`.
  let isCompressed: Bool
  /// The bytes of its content.
  let byteCount: Int

  /// The number of the compression method.
  private let method: UInt16
  /// The bytes of its content as compressed.
  private let packedByteCount: Int
  private let flags: UInt16

  /// The number of the method that zlib knows.
  private static let deflated: UInt16 = 8
  /// The most that deflate shrinks bytes, by RFC 1951: 258 bytes in 2 bits.
  private static let maximumRatio = 1032
  /// The flag bits for encryption: plain, strong, and of the directory.
  private static let encryption: UInt16 = 1 << 0 | 1 << 6 | 1 << 13
  /// The flag bit for size and checksum after the data.
  private static let descriptor: UInt16 = 1 << 3
  /// The value of a field whose number is in the 64-bit extra field.
  private static let wide = 0xFFFF_FFFF

  /// The most parts of an extra field to search.
  private static let maximumExtraParts = 16

  /// Takes the next entry of the directory and finds its data.
  ///
  /// - Parameters:
  ///   - cursor: a cursor over the whole file, at the entry.
  ///   - directoryOffset: the start of the directory, which is the end of all data.
  /// - Throws: `CheckpointError`, also for an entry that is encrypted, or whose name leads out of the
  ///   archive.
  init(_ cursor: inout ByteCursor, directoryOffset: Int) throws {
    guard try cursor.take(UInt32.self) == ZipSignature.directoryEntry else {
      throw CheckpointError(.damaged, "the zip directory has no entry at byte \(cursor.offset)")
    }
    _ = try cursor.take(4)
    flags = try cursor.take(UInt16.self)
    method = try cursor.take(UInt16.self)
    _ = try cursor.take(4)
    checksum = try cursor.take(UInt32.self)
    let packedSize = Int(try cursor.take(UInt32.self))
    let size = Int(try cursor.take(UInt32.self))
    let lengths = [
      Int(try cursor.take(UInt16.self)), Int(try cursor.take(UInt16.self)),
      Int(try cursor.take(UInt16.self)),
    ]
    let disk = try cursor.take(UInt16.self)
    _ = try cursor.take(6)
    let offset = Int(try cursor.take(UInt32.self))
    let nameBytes = try cursor.take(lengths[0])
    let extra = try cursor.take(lengths[1])
    _ = try cursor.take(lengths[2])
    name = try ZipEntry.checkedName(nameBytes)
    guard flags & ZipEntry.encryption == 0 else {
      throw CheckpointError(
        .unsupported, "zip entry \(clipped(name)) is encrypted; save the file without a password")
    }
    let fields = try ZipEntry.widened([size, packedSize, offset], extra, name)
    guard disk == 0 else {
      throw CheckpointError(.unsupported, "zip entry \(clipped(name)) lies in another file")
    }
    (byteCount, packedByteCount, headerOffset) = (fields[0], fields[1], fields[2])
    isCompressed = method != 0 || byteCount != packedByteCount
    guard !isCompressed else {
      data = headerOffset..<headerOffset
      return
    }
    let header = LocalHeader(
      offset: headerOffset, method: method, size: byteCount, packedSize: packedByteCount,
      checksum: checksum)
    data = try ZipEntry.data(
      cursor.bytes, header, name: name, flags: flags, directoryOffset: directoryOffset)
  }

  /// Finds the data of a compressed entry.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - directoryOffset: the start of the directory.
  /// - Returns: its range in the file.
  /// - Throws: `CheckpointError`, also for another method than deflate and sizes that deflate cannot have.
  func packedData(in bytes: UnsafeRawBufferPointer, directoryOffset: Int) throws -> Range<Int> {
    guard method == ZipEntry.deflated else {
      throw CheckpointError(
        .unsupported,
        "zip entry \(clipped(name)) is compressed by method \(method); only deflate is read")
    }
    guard byteCount / ZipEntry.maximumRatio <= packedByteCount else {
      throw CheckpointError(
        .damaged,
        "zip entry \(clipped(name)) has \(byteCount) bytes in \(packedByteCount), which deflate"
          + " cannot do; was the file altered?")
    }
    let header = LocalHeader(
      offset: headerOffset, method: method, size: byteCount, packedSize: packedByteCount,
      checksum: checksum)
    return try ZipEntry.data(
      bytes, header, name: name, flags: flags, directoryOffset: directoryOffset)
  }

  /// An entry's local header, as the directory describes it.
  private struct LocalHeader {
    let offset: Int
    let method: UInt16
    let size: Int
    let packedSize: Int
    let checksum: UInt32
  }

  /// Checks the entry's local header against the directory; gives the range of the data.
  private static func data(
    _ bytes: UnsafeRawBufferPointer, _ expected: LocalHeader, name: String, flags: UInt16,
    directoryOffset: Int
  ) throws -> Range<Int> {
    let disagreement = CheckpointError(
      .damaged,
      "zip entry \(clipped(name)) is not at byte \(expected.offset) as the directory says; was"
        + " the file copied whole?")
    let before = UnsafeRawBufferPointer(rebasing: bytes[..<directoryOffset])
    guard ZipSignature.word(of: before, at: expected.offset) == ZipSignature.localHeader else {
      throw disagreement
    }
    var cursor = try ByteCursor(
      before, at: expected.offset + 6, reading: "zip entry \(clipped(name))")
    let localFlags = try cursor.take(UInt16.self)
    let method = try cursor.take(UInt16.self)
    _ = try cursor.take(4)
    let checksum = try cursor.take(UInt32.self)
    let sizes = [Int(try cursor.take(UInt32.self)), Int(try cursor.take(UInt32.self))]
    let lengths = [Int(try cursor.take(UInt16.self)), Int(try cursor.take(UInt16.self))]
    let localName = try cursor.take(lengths[0])
    let extra = try cursor.take(lengths[1])
    guard localName.elementsEqual(name.utf8), method == expected.method,
      localFlags & encryption == 0, localFlags & descriptor == flags & descriptor
    else { throw disagreement }
    let begin = cursor.offset
    _ = try cursor.take(expected.packedSize)
    if flags & descriptor == 0 {
      let fields = try widened([sizes[1], sizes[0]], extra, name)
      guard fields == [expected.size, expected.packedSize], checksum == expected.checksum else {
        throw disagreement
      }
    } else {
      guard agrees(&cursor, expected) else { throw disagreement }
    }
    return begin..<begin + expected.packedSize
  }

  /// Whether the descriptor after the data agrees with the directory. It may have a signature, and sizes
  /// of 4 or 8 bytes.
  private static func agrees(_ cursor: inout ByteCursor, _ expected: LocalHeader) -> Bool {
    let bytes = cursor.bytes
    var offset = cursor.offset
    if ZipSignature.word(of: bytes, at: offset) == ZipSignature.dataDescriptor { offset += 4 }
    let words = (0..<5).map { ZipSignature.word(of: bytes, at: offset + 4 * $0) }
    guard words[0] == expected.checksum else { return false }
    let sizes = [expected.packedSize, expected.size]
    let low = sizes.map { UInt32(truncatingIfNeeded: $0) }
    let high = sizes.map { UInt32(truncatingIfNeeded: $0 >> 32) }
    return high == [0, 0] && Array(words[1...2]) == low
      || Array(words[1...]) == [low[0], high[0], low[1], high[1]]
  }

  /// Replaces fields marked as wide with the numbers of the entry's 64-bit extra field.
  private static func widened(
    _ fields: [Int], _ extra: UnsafeRawBufferPointer, _ name: String
  ) throws -> [Int] {
    guard fields.contains(wide) else { return fields }
    var cursor = try ByteCursor(extra, reading: "the extra field of zip entry \(clipped(name))")
    for _ in 0..<maximumExtraParts where cursor.remaining > 0 {
      let kind = try cursor.take(UInt16.self)
      let part = try cursor.take(Int(try cursor.take(UInt16.self)))
      guard kind == 1 else { continue }
      var numbers = try ByteCursor(part, reading: "the sizes of zip entry \(clipped(name))")
      return try fields.map { try $0 == wide ? numbers.takeCount(UInt64.self) : $0 }
    }
    throw CheckpointError(.damaged, "zip entry \(clipped(name)) lacks its 64-bit sizes")
  }

  /// The name, if it is text and stays inside the archive.
  private static func checkedName(_ bytes: UnsafeRawBufferPointer) throws -> String {
    guard let name = String(validating: bytes, as: UTF8.self), !name.isEmpty else {
      throw CheckpointError(.damaged, "a zip entry's name is empty or not UTF-8")
    }
    var parts = name.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count > 1, parts.last?.isEmpty == true { parts.removeLast() }
    let leadsOut = parts.contains { ["", ".", ".."].contains($0) }
    let isForeign = name.unicodeScalars.contains { $0 == "\\" || $0 == ":" || $0.value < 0x20 }
    guard !leadsOut, !isForeign else {
      throw CheckpointError(
        .refused, "zip entry \(clipped(name)) has a name that may lead out of the archive")
    }
    return name
  }
}
