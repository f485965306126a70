internal import Files

/// Writes arrays as NumPy's `savez` does: a zip archive with a `.npy` file for each.
///
/// Source: NumPy Enhancement Proposal 1, format 1.0.
public enum NumPyArchive {
  /// One array in row-major order.
  public struct Array {
    let name: String
    let header: [UInt8]
    let content: Content

    enum Content {
      case bytes([UInt8])
      case files([String])
    }

    /// An array of the bytes of files, one after the other.
    ///
    /// - Parameters:
    ///   - name: its name in the archive.
    ///   - shape: the sizes; their product is the size of all files together.
    ///   - files: the paths.
    public init(_ name: String, shape: [Int], files: [String]) {
      self.name = name
      header = NumPyArchive.header(type: "|u1", shape: shape)
      content = .files(files)
    }

    /// An array of integers of one dimension.
    public init(_ name: String, _ numbers: [Int64]) {
      self.name = name
      header = NumPyArchive.header(type: "<i8", shape: [numbers.count])
      content = .bytes(
        numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) } })
    }

    /// Calls `body` with each part of the `.npy` file.
    func forEachPart(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
      try header.withUnsafeBytes(body)
      switch content {
      case .bytes(let bytes): try bytes.withUnsafeBytes(body)
      case .files(let paths):
        for path in paths {
          let file = try MappedFile(path)
          try withExtendedLifetime(file) { try body(file.bytes) }
        }
      }
    }
  }

  /// Writes an archive, which appears under its name when it is complete.
  ///
  /// - Throws: `FileError` if a file cannot be read or changes meanwhile, or the archive cannot be written.
  public static func write(_ arrays: [Array], to path: String) throws {
    var sums: [(byteCount: Int, checksum: UInt32)] = []
    for array in arrays {
      var (count, sum) = (0, UInt32(0))
      try array.forEachPart { part in
        count += part.count
        sum = CRC32.checksum(part, after: sum)
      }
      sums.append((count, sum))
    }
    var archive = try ZipWriter(path, expectedByteCount: sums.reduce(0) { $0 + $1.byteCount })
    for (array, sum) in zip(arrays, sums) {
      let name = array.name + ".npy"
      try archive.append(name, byteCount: sum.byteCount, checksum: sum.checksum) { file in
        var checksum = UInt32(0)
        try array.forEachPart { part in
          try file.append(part)
          checksum = CRC32.checksum(part, after: checksum)
        }
        guard checksum == sum.checksum else { throw ZipWriter.changed(name, in: path) }
      }
    }
    try archive.commit()
  }

  private static func header(type: String, shape: [Int]) -> [UInt8] {
    let sizes = shape.map { "\($0)," }.joined(separator: " ")
    let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sizes)), }"
    // Magic, version and length take 10 bytes; the header's length is a multiple of 64 and ends in a newline.
    let padding = (64 - (10 + text.utf8.count + 1) % 64) % 64
    let length = text.utf8.count + padding + 1
    return [0x93] + [UInt8]("NUMPY".utf8) + [1, 0, UInt8(length % 256), UInt8(length / 256)]
      + [UInt8](text.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: padding)
      + [UInt8(ascii: "\n")]
  }
}
