/// A zip archive, with sizes and offsets of up to 63 bits. `content` has the bytes of uncompressed entries,
/// `ZipEntryReader` those of all.
///
/// Source: PKWARE APPNOTE.TXT 6.3.10. Every range is checked to lie in the file, and no two
/// entries share a byte.
struct ZipArchive {
  /// The entries in the order of the directory.
  let entries: [ZipEntry]
  /// Whether all checksums are zero, as after `torch.serialization.set_crc32_options(False)`.
  let lacksChecksums: Bool

  private let bytes: UnsafeRawBufferPointer
  private let directoryOffset: Int
  private let positions: [String: Int]

  /// Reads and checks the directory, not the entries' bytes.
  ///
  /// - Throws: `CheckpointError`.
  init(_ bytes: UnsafeRawBufferPointer) throws {
    let end = try ZipDirectoryEnd(bytes)
    let upToEnd = UnsafeRawBufferPointer(rebasing: bytes[..<end.directory.upperBound])
    var cursor = try ByteCursor(
      upToEnd, at: end.directory.lowerBound, reading: "the zip directory")
    var entries: [ZipEntry] = []
    var positions: [String: Int] = [:]
    for index in 0..<end.entryCount {
      let entry = try ZipEntry(&cursor, directoryOffset: end.directory.lowerBound)
      guard positions.updateValue(index, forKey: entry.name) == nil else {
        throw CheckpointError(.damaged, "two zip entries have the name \(clipped(entry.name))")
      }
      entries.append(entry)
    }
    guard cursor.remaining == 0 else {
      throw CheckpointError(
        .damaged, "the zip directory has more than its \(end.entryCount) entries")
    }
    try ZipArchive.checkOverlap(entries)
    self.bytes = bytes
    directoryOffset = end.directory.lowerBound
    self.entries = entries
    self.positions = positions
    lacksChecksums = entries.allSatisfy { $0.checksum == 0 }
  }

  /// The entry of a name.
  func entry(_ name: String) -> ZipEntry? { positions[name].map { entries[$0] } }

  /// The bytes of an entry.
  func content(_ entry: ZipEntry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[entry.data])
  }

  /// The bytes of an entry as they are in the file.
  ///
  /// - Throws: `CheckpointError` for a compressed entry that is not where the directory says, or not
  ///   compressed by deflate.
  func packedContent(_ entry: ZipEntry) throws -> UnsafeRawBufferPointer {
    guard entry.isCompressed else { return content(entry) }
    let range = try entry.packedData(in: bytes, directoryOffset: directoryOffset)
    return UnsafeRawBufferPointer(rebasing: bytes[range])
  }

  /// Checks that no entry is compressed.
  ///
  /// - Throws: `CheckpointError` that names the first one.
  func checkStored() throws {
    guard let entry = entries.first(where: \.isCompressed) else { return }
    throw CheckpointError(
      .unsupported,
      "zip entry \(clipped(entry.name)) is compressed; load the file in PyTorch and save it again"
        + " with `torch.save`")
  }

  /// Compares the bytes of an entry with its checksum, if the archive has checksums.
  ///
  /// - Throws: `CheckpointError` if they differ.
  func verify(_ entry: ZipEntry) throws {
    guard !lacksChecksums, CRC32.checksum(content(entry)) != entry.checksum else { return }
    throw CheckpointError(
      .damaged,
      "the content of zip entry \(clipped(entry.name)) does not match its checksum; copy or"
        + " download the file again")
  }

  private static func checkOverlap(_ entries: [ZipEntry]) throws {
    let ordered = entries.sorted { $0.headerOffset < $1.headerOffset }
    for (entry, next) in zip(ordered, ordered.dropFirst())
    where entry.data.upperBound > next.headerOffset {
      throw CheckpointError(
        .damaged, "zip entries \(clipped(entry.name)) and \(clipped(next.name)) overlap")
    }
  }
}
