/// The record at the end of a zip archive that points to its directory.
struct ZipDirectoryEnd {
  /// The range of the directory in the file.
  let directory: Range<Int>
  /// The number of its entries.
  let entryCount: Int

  private static let byteCount = 22
  private static let locatorByteCount = 20

  /// Finds and checks the record, or its 64-bit form.
  ///
  /// - Throws: `CheckpointError`.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    let position = try ZipDirectoryEnd.position(in: bytes)
    var cursor = try ByteCursor(bytes, at: position + 4, reading: "the zip archive's end")
    let disks = [try cursor.take(UInt16.self), try cursor.take(UInt16.self)]
    let counts = [try cursor.take(UInt16.self), try cursor.take(UInt16.self)]
    var entryCount = Int(counts[1])
    var size = Int(try cursor.take(UInt32.self))
    var offset = Int(try cursor.take(UInt32.self))
    var directoryEnd = position
    let locator = position - ZipDirectoryEnd.locatorByteCount
    if ZipSignature.word(of: bytes, at: locator) == ZipSignature.locator64 {
      let wide = try WideEnd(bytes, locator: locator)
      // A narrow field either says the same or that it is too narrow.
      guard entryCount == min(wide.entryCount, 0xFFFF) || entryCount == 0xFFFF,
        size == wide.size || size == 0xFFFF_FFFF, offset == wide.offset || offset == 0xFFFF_FFFF
      else { throw CheckpointError(.damaged, "the zip archive's two end records disagree") }
      (entryCount, size, offset) = (wide.entryCount, wide.size, wide.offset)
      directoryEnd = wide.position
    } else {
      guard disks == [0, 0], counts[0] == counts[1] else { throw ZipDirectoryEnd.split }
    }
    // The directory ends where the end record begins: no number here can point elsewhere.
    guard size <= directoryEnd, offset == directoryEnd - size else {
      throw CheckpointError(
        .damaged,
        "the zip directory does not lie before the archive's end, at bytes \(offset) and"
          + " \(size) more; was the file copied whole?")
    }
    directory = offset..<directoryEnd
    self.entryCount = entryCount
  }

  private static let split = CheckpointError(
    .unsupported, "the zip archive is split over several files; save it as one")

  /// The last offset at which an end record reaches exactly to the end of the file.
  private static func position(in bytes: UnsafeRawBufferPointer) throws -> Int {
    let last = bytes.count - byteCount
    let first = max(0, last - Int(UInt16.max))
    var position = last
    while position >= first {
      if ZipSignature.word(of: bytes, at: position) == ZipSignature.end {
        let comment = bytes.loadUnaligned(fromByteOffset: position + 20, as: UInt16.self)
        if Int(UInt16(littleEndian: comment)) == last - position { return position }
      }
      position -= 1
    }
    throw CheckpointError(
      .damaged, "the zip archive has no end; was the file copied or downloaded whole?")
  }

  /// The 64-bit end record.
  private struct WideEnd {
    let position: Int
    let entryCount: Int
    let size: Int
    let offset: Int

    init(_ bytes: UnsafeRawBufferPointer, locator: Int) throws {
      let subject = "the zip archive's 64-bit end"
      var cursor = try ByteCursor(bytes, at: locator + 4, reading: subject)
      let disk = try cursor.take(UInt32.self)
      position = try cursor.takeCount(UInt64.self)
      let diskCount = try cursor.take(UInt32.self)
      // The record: 12 bytes of signature and size, then as many as the size says.
      cursor = try ByteCursor(bytes, at: position, reading: subject)
      let signature = try cursor.take(UInt32.self)
      let size = try cursor.takeCount(UInt64.self)
      guard signature == ZipSignature.end64, size >= 44, position <= locator - 12,
        size == locator - position - 12
      else {
        throw CheckpointError(
          .damaged, "\(subject) is not where its locator says; was the file altered?")
      }
      _ = try cursor.take(4)
      let disks = [try cursor.take(UInt32.self), try cursor.take(UInt32.self)]
      let counts = [try cursor.takeCount(UInt64.self), try cursor.takeCount(UInt64.self)]
      guard disk == 0, diskCount <= 1, disks == [0, 0], counts[0] == counts[1] else {
        throw ZipDirectoryEnd.split
      }
      entryCount = counts[1]
      self.size = try cursor.takeCount(UInt64.self)
      offset = try cursor.takeCount(UInt64.self)
    }
  }
}
