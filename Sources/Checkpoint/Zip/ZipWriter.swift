internal import Files

/// Writes a zip archive of uncompressed entries, each aligned, with 64-bit fields where needed.
///
/// Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.
struct ZipWriter: ~Copyable {
  /// The alignment of every entry's data, as PyTorch's own writer has it.
  static let alignment = 64
  /// The most bytes of an entry in addition to its data and twice its name.
  static let maximumOverhead = 30 + 20 + 4 + alignment + 46 + 28

  private var file: AtomicFile
  private var directory: [UInt8] = []
  private var entryCount = 0
  private let narrowLimit: Int

  /// The kind of extra field that PyTorch's own writer pads with.
  private static let paddingKind: UInt16 = 0x4246
  private static let wideKind: UInt16 = 1
  private static let version: UInt16 = 20
  private static let wideVersion: UInt16 = 45
  /// 1 January 1980.
  private static let date: UInt16 = 0x21
  /// Names are UTF-8.
  private static let flags: UInt16 = 1 << 11
  /// Size and checksum follow the data.
  private static let descriptor: UInt16 = 1 << 3

  /// Starts an archive.
  ///
  /// - Parameters:
  ///   - path: the file's name.
  ///   - expectedByteCount: its size or more, to check the room on the disk.
  ///   - narrowLimit: the smallest number that takes 64 bits.
  /// - Throws: `FileError`.
  init(_ path: String, expectedByteCount: Int, narrowLimit: Int = 0xFFFF_FFFF) throws {
    file = try AtomicFile(path, expectedByteCount: expectedByteCount)
    self.narrowLimit = narrowLimit
  }

  /// Adds an entry.
  ///
  /// - Throws: `FileError`.
  mutating func append(
    _ name: String, _ content: UnsafeRawBufferPointer, checksum: UInt32
  ) throws {
    try append(name, byteCount: content.count, checksum: checksum) { try $0.append(content) }
  }

  /// Adds an entry whose content is written in parts.
  ///
  /// - Parameters:
  ///   - name: the entry's name.
  ///   - byteCount: the number of bytes that `write` writes.
  ///   - checksum: the CRC-32 of them.
  ///   - write: writes the content to the file.
  /// - Throws: `FileError`, also if `write` writes another number of bytes; what `write` throws.
  mutating func append(
    _ name: String, byteCount: Int, checksum: UInt32, _ write: (inout AtomicFile) throws -> Void
  ) throws {
    let offset = file.byteCount
    try appendHeader(name, byteCount, checksum)
    let before = file.byteCount
    try write(&file)
    guard file.byteCount == before + byteCount else {
      throw ZipWriter.changed(name, in: file.path)
    }
    addToDirectory(name, byteCount, checksum, offset: offset)
  }

  /// Adds an entry whose checksum is known only when it is written; it follows the content.
  ///
  /// - Parameters:
  ///   - name: the entry's name.
  ///   - byteCount: the number of bytes that `write` writes.
  ///   - write: writes the content to the file, and returns the CRC-32 of it.
  /// - Throws: `FileError`, also if `write` writes another number of bytes; what `write` throws.
  mutating func append(
    _ name: String, byteCount: Int, summing write: (inout AtomicFile) throws -> UInt32
  ) throws {
    let offset = file.byteCount
    try appendHeader(name, byteCount, nil)
    let before = file.byteCount
    let checksum = try write(&file)
    guard file.byteCount == before + byteCount else {
      throw ZipWriter.changed(name, in: file.path)
    }
    var fields = Fields()
    fields.append([ZipSignature.dataDescriptor, checksum])
    if byteCount >= narrowLimit {
      fields.append([UInt64(byteCount), UInt64(byteCount)])
    } else {
      fields.append([UInt32(byteCount), UInt32(byteCount)])
    }
    try append(fields.bytes)
    addToDirectory(
      name, byteCount, checksum, offset: offset, flags: ZipWriter.flags | ZipWriter.descriptor)
  }

  /// Begins an entry; without a checksum, one that has it after the content.
  private mutating func appendHeader(
    _ name: String, _ byteCount: Int, _ checksum: UInt32?
  ) throws {
    let offset = file.byteCount
    let isWide = byteCount >= narrowLimit
    var extra = Fields()
    if isWide {
      extra.append([ZipWriter.wideKind, 16])
      extra.append([UInt64(byteCount), UInt64(byteCount)])
    }
    let start = offset + 30 + name.utf8.count + extra.bytes.count + 4
    let padding = (ZipWriter.alignment - start % ZipWriter.alignment) % ZipWriter.alignment
    extra.append([ZipWriter.paddingKind, UInt16(padding)])
    extra.bytes += [UInt8](repeating: 0, count: padding)

    var header = Fields()
    header.append(ZipSignature.localHeader)
    header.append([isWide ? ZipWriter.wideVersion : ZipWriter.version])
    header.append(
      common(
        checksum ?? 0, byteCount,
        flags: ZipWriter.flags | (checksum == nil ? ZipWriter.descriptor : 0)))
    header.append([UInt16(name.utf8.count), UInt16(extra.bytes.count)])
    header.bytes += Array(name.utf8) + extra.bytes
    try append(header.bytes)
  }

  /// The error for an entry whose content is not what was said before.
  static func changed(_ name: String, in path: String) -> FileError {
    FileError(
      .changed, path: path,
      message: "cannot write '\(path)': a file that '\(name)' is made of has changed meanwhile")
  }

  /// Writes the directory and gives the file its name. Call it once, as the last step.
  ///
  /// - Throws: `FileError`.
  mutating func commit() throws {
    let offset = file.byteCount
    try append(directory)
    let (end, size) = (file.byteCount, directory.count)
    var fields = Fields()
    if offset >= narrowLimit || size >= narrowLimit || entryCount >= 0xFFFF {
      fields.append(ZipSignature.end64)
      fields.append([UInt64(44)])
      fields.append([ZipWriter.wideVersion, ZipWriter.wideVersion, 0, 0, 0, 0])
      fields.append([UInt64(entryCount), UInt64(entryCount), UInt64(size), UInt64(offset)])
      fields.append(ZipSignature.locator64)
      fields.append(UInt32(0))
      fields.append([UInt64(end)])
      fields.append(UInt32(1))
    }
    let count = UInt16(min(entryCount, 0xFFFF))
    fields.append(ZipSignature.end)
    fields.append([0, 0, count, count] as [UInt16])
    fields.append(narrow(size))
    fields.append(narrow(offset))
    fields.append([0] as [UInt16])
    try append(fields.bytes)
    try file.commit()
  }

  private mutating func addToDirectory(
    _ name: String, _ byteCount: Int, _ checksum: UInt32, offset: Int,
    flags: UInt16 = ZipWriter.flags
  ) {
    let isWide = byteCount >= narrowLimit
    var wide = isWide ? [UInt64(byteCount), UInt64(byteCount)] : []
    if offset >= narrowLimit { wide.append(UInt64(offset)) }
    let version = wide.isEmpty ? ZipWriter.version : ZipWriter.wideVersion
    var fields = Fields()
    fields.append(ZipSignature.directoryEntry)
    fields.append([version, version])
    fields.append(common(checksum, byteCount, flags: flags))
    let extraCount = wide.isEmpty ? 0 : 4 + 8 * wide.count
    fields.append([UInt16(name.utf8.count), UInt16(extraCount), 0, 0, 0, 0, 0])
    fields.append(narrow(offset))
    fields.bytes += Array(name.utf8)
    if !wide.isEmpty {
      fields.append([ZipWriter.wideKind, UInt16(8 * wide.count)])
      fields.append(wide)
    }
    directory += fields.bytes
    entryCount += 1
  }

  /// Flags, method, time, checksum and sizes, which both headers have.
  private func common(_ checksum: UInt32, _ byteCount: Int, flags: UInt16) -> [UInt16] {
    let words = [checksum, narrow(byteCount), narrow(byteCount)]
    return [flags, 0, 0, ZipWriter.date]
      + words.flatMap { [UInt16(truncatingIfNeeded: $0), UInt16($0 >> 16)] }
  }

  /// A number in 32 bits, or the mark for one that lies in a 64-bit field.
  private func narrow(_ number: Int) -> UInt32 {
    number >= narrowLimit ? 0xFFFF_FFFF : UInt32(number)
  }

  private mutating func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try file.append($0) }
  }

  /// Little-endian numbers, one after the other.
  private struct Fields {
    var bytes: [UInt8] = []

    mutating func append(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }

    mutating func append(_ numbers: [some FixedWidthInteger]) { numbers.forEach { append($0) } }
  }
}
