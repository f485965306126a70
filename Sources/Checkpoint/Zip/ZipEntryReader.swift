internal import CZlib

/// Reads the content of a zip entry from its start on, and inflates it if it is compressed (RFC 1951), into
/// no more memory than it is asked for.
///
/// The archive's bytes must outlive it.
final class ZipEntryReader {
  /// The next byte of the content.
  private(set) var position: Int

  private let entry: ZipEntry
  private let packed: UnsafeRawBufferPointer
  /// Packed bytes that are used up.
  private(set) var packedPosition: Int
  private let stream: UnsafeMutablePointer<z_stream>?
  private var checksum: UInt32 = 0
  private let hasChecksum: Bool

  /// The most bytes to hand to zlib, which counts in 32 bits.
  private static let pieceByteCount = 1 << 30

  /// Starts to read.
  ///
  /// - Parameters:
  ///   - entry: an entry of the archive.
  ///   - archive: the archive.
  /// - Throws: `CheckpointError` if the entry is not where the directory says, or compressed by another
  ///   method than deflate.
  init(_ entry: ZipEntry, of archive: ZipArchive) throws {
    self.entry = entry
    packed = try archive.packedContent(entry)
    hasChecksum = !archive.lacksChecksums
    (position, packedPosition) = (0, 0)
    guard entry.isCompressed else {
      stream = nil
      return
    }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // Negative: deflate without zlib's own header.
    let status = inflateInit2_(
      stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      stream.deallocate()
      throw CheckpointError(.unsupported, "zlib does not start (status \(status))")
    }
    self.stream = stream
  }

  deinit {
    guard let stream else { return }
    inflateEnd(stream)
    stream.deallocate()
  }

  /// The bytes that are left of the content.
  var remaining: Int { entry.byteCount - position }

  /// Takes the next bytes. With the last ones the entry's checksum and size are checked.
  ///
  /// - Throws: `CheckpointError` if there are fewer, or they are damaged.
  func read(into target: UnsafeMutableRawBufferPointer) throws {
    guard target.count <= remaining else {
      throw damaged("ends after \(entry.byteCount) bytes, before all that it should have")
    }
    if let stream {
      try inflate(into: target, by: stream)
    } else {
      target.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: packed[position..<position + target.count]))
      packedPosition += target.count
    }
    position += target.count
    checksum = CRC32.checksum(UnsafeRawBufferPointer(target), after: checksum)
    guard remaining == 0 else { return }
    if let stream { try finish(stream) }
    guard !hasChecksum || checksum == entry.checksum else {
      throw damaged("does not match its checksum")
    }
  }

  /// Passes over the next bytes.
  ///
  /// - Throws: as `read`.
  func skip(_ count: Int) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(count, 1 << 20), alignment: 16)
    defer { buffer.deallocate() }
    var left = count
    while left > 0 {
      let part = min(left, buffer.count)
      try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<part]))
      left -= part
    }
  }

  private func inflate(
    into target: UnsafeMutableRawBufferPointer, by stream: UnsafeMutablePointer<z_stream>
  ) throws {
    var written = 0
    while written < target.count {
      let room = min(target.count - written, ZipEntryReader.pieceByteCount)
      let (status, count) = step(
        stream, UnsafeMutableRawBufferPointer(rebasing: target[written..<written + room]))
      written += count
      guard status == Z_OK || status == Z_STREAM_END && written == target.count else {
        throw failure(status, stream)
      }
    }
  }

  /// Inflates into memory once; gives zlib's status and the bytes written.
  private func step(
    _ stream: UnsafeMutablePointer<z_stream>, _ target: UnsafeMutableRawBufferPointer
  ) -> (status: Int32, count: Int) {
    let piece = min(packed.count - packedPosition, ZipEntryReader.pieceByteCount)
    let source = UnsafeRawBufferPointer(rebasing: packed[packedPosition..<packedPosition + piece])
    return source.withMemoryRebound(to: UInt8.self) { source in
      target.withMemoryRebound(to: UInt8.self) { target in
        // zlib reads from the address that its interface declares as mutable.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        stream.pointee.avail_in = UInt32(source.count)
        stream.pointee.next_out = target.baseAddress
        stream.pointee.avail_out = UInt32(target.count)
        let status = CZlib.inflate(stream, Z_NO_FLUSH)
        packedPosition += source.count - Int(stream.pointee.avail_in)
        return (status, target.count - Int(stream.pointee.avail_out))
      }
    }
  }

  /// Checks that the compressed data end where the content does.
  private func finish(_ stream: UnsafeMutablePointer<z_stream>) throws {
    // All may have been taken without the end of the last block.
    let (status, count) = withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) {
      step(stream, $0)
    }
    guard count == 0 else { throw damaged("has more bytes than the directory says") }
    guard status == Z_STREAM_END else { throw failure(status, stream) }
    guard packedPosition == packed.count else { throw damaged("has other bytes after its end") }
  }

  private func failure(_ status: Int32, _ stream: UnsafeMutablePointer<z_stream>)
    -> CheckpointError
  {
    if status == Z_STREAM_END { return damaged("ends before all that it should have") }
    if status == Z_BUF_ERROR { return damaged("is cut short") }
    let text = stream.pointee.msg.map { String(cString: $0) } ?? "status \(status)"
    return damaged("cannot be inflated (\(text))")
  }

  private func damaged(_ text: String) -> CheckpointError {
    CheckpointError(
      .damaged,
      "the content of zip entry \(clipped(entry.name)) \(text); copy or download the file again")
  }
}
