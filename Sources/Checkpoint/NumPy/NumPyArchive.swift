internal import Files
public import Torch

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
      case tensor(Tensor)
      /// The number of bytes, and what gives them in parts.
      case parts(Int, (_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Void)
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

    /// An array of the elements of a tensor, of any type that NumPy has.
    public init(_ name: String, _ tensor: Tensor) {
      guard let type = NumPyType(of: tensor.dtype) else {
        fatalError("NumPyArchive: NumPy has no \(tensor.dtype)")
      }
      self.name = name
      header = NumPyArchive.header(type: type.spelling, shape: tensor.shape)
      content = .tensor(tensor)
    }

    /// An array of bytes that come in parts and are not kept, such as images one batch after the other.
    ///
    /// - Parameters:
    ///   - name: its name in the archive.
    ///   - shape: the sizes; their product is the number of bytes.
    ///   - parts: calls its argument with each part in order; called once.
    package init(
      _ name: String, shape: [Int],
      parts: @escaping (_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) {
      self.name = name
      header = NumPyArchive.header(type: "|u1", shape: shape)
      content = .parts(shape.reduce(1, *), parts)
    }

    /// One record of texts and numbers, which NumPy reads as an array without dimensions.
    package init(_ name: String, record: [(name: String, value: RecordValue)]) {
      self.name = name
      let fields = record.map { "('\($0.name)', '\($0.value.type)')" }.joined(separator: ", ")
      header = NumPyArchive.header(type: "[\(fields)]", isQuoted: false, shape: [])
      content = .bytes(record.flatMap(\.value.bytes))
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
      case .tensor(let tensor):
        try tensor.detached.to(.cpu).contiguous.withUnsafeBytes(body)
      case .parts(_, let parts): try parts(body)
      }
    }

    /// Writes the `.npy` file; gives its checksum.
    func append(to file: inout AtomicFile) throws -> UInt32 {
      var checksum = UInt32(0)
      try forEachPart { part in
        try file.append(part)
        checksum = CRC32.checksum(part, after: checksum)
      }
      return checksum
    }
  }

  /// A value of a record.
  package enum RecordValue {
    /// A text.
    case text(String)
    /// An integer.
    case number(Int)

    var type: String {
      switch self {
      // NumPy has no texts of no characters.
      case .text(let text): "<U\(max(1, text.unicodeScalars.count))"
      case .number: "<i8"
      }
    }

    var bytes: [UInt8] {
      switch self {
      case .text(let text):
        (text.isEmpty ? "\0" : text).unicodeScalars.flatMap { scalar in
          withUnsafeBytes(of: scalar.value.littleEndian) { [UInt8]($0) }
        }
      case .number(let number):
        withUnsafeBytes(of: Int64(number).littleEndian) { [UInt8]($0) }
      }
    }
  }

  /// Writes an archive, which appears under its name when it is complete.
  ///
  /// - Throws: `FileError` if a file cannot be read or changes meanwhile, or the archive cannot be written.
  public static func write(_ arrays: [Array], to path: String) throws {
    var sums: [(byteCount: Int, checksum: UInt32?)] = []
    for array in arrays {
      if case .parts(let count, _) = array.content {
        sums.append((array.header.count + count, nil))
        continue
      }
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
      guard let expected = sum.checksum else {
        try archive.append(name, byteCount: sum.byteCount) { try array.append(to: &$0) }
        continue
      }
      try archive.append(name, byteCount: sum.byteCount, checksum: expected) { file in
        guard try array.append(to: &file) == expected else {
          throw ZipWriter.changed(name, in: path)
        }
      }
    }
    try archive.commit()
  }

  private static func header(type: String, isQuoted: Bool = true, shape: [Int]) -> [UInt8] {
    let sizes = shape.map { "\($0)," }.joined(separator: " ")
    let type = isQuoted ? "'\(type)'" : type
    let text = "{'descr': \(type), 'fortran_order': False, 'shape': (\(sizes)), }"
    // Magic, version and length take 10 bytes; the header's length is a multiple of 64 and ends in a newline.
    let padding = (64 - (10 + text.utf8.count + 1) % 64) % 64
    let length = text.utf8.count + padding + 1
    return [0x93] + [UInt8]("NUMPY".utf8) + [1, 0, UInt8(length % 256), UInt8(length / 256)]
      + [UInt8](text.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: padding)
      + [UInt8(ascii: "\n")]
  }
}
