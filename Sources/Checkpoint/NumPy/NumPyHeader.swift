/// The start of a `.npy` file: the type and sizes of its array.
///
/// Source: numpy/lib/format.py, versions 1.0, 2.0 and 3.0. The header is read as a literal; nothing in it is
/// evaluated.
struct NumPyHeader {
  let type: NumPyType
  /// The names and types of a record's fields; empty for other arrays.
  let fields: [(name: String, type: NumPyType)]
  let shape: [Int]
  /// Whether the first index varies fastest.
  let isColumnMajor: Bool
  /// The bytes before the array's.
  let byteCount: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// The longest header to read; NumPy's own take some hundred bytes.
  private static let maximumByteCount = 1 << 16

  /// Takes the header from the start of an entry.
  ///
  /// - Throws: `CheckpointError`.
  init(_ reader: ZipEntryReader, name: String) throws {
    let damage = CheckpointError(
      .damaged, "zip entry \(clipped(name)) does not begin as a .npy file; was the file altered?")
    guard reader.remaining >= 10 else { throw damage }
    var start = [UInt8](repeating: 0, count: 8)
    try start.withUnsafeMutableBytes { try reader.read(into: $0) }
    guard Array(start[..<6]) == NumPyHeader.magic else { throw damage }
    guard (1...3).contains(start[6]), start[7] == 0 else {
      throw CheckpointError(
        .unsupported,
        "zip entry \(clipped(name)) has version \(start[6]).\(start[7]) of NumPy's format; 1.0 to"
          + " 3.0 are read")
    }
    var size = [UInt8](repeating: 0, count: start[6] == 1 ? 2 : 4)
    guard reader.remaining >= size.count else { throw damage }
    try size.withUnsafeMutableBytes { try reader.read(into: $0) }
    let count = size.reversed().reduce(0) { $0 << 8 | Int($1) }
    guard count <= NumPyHeader.maximumByteCount, count <= reader.remaining else { throw damage }
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { try reader.read(into: $0) }
    byteCount = reader.position
    // Version 3.0 is in UTF-8, those before in Latin-1.
    var latin = String.UnicodeScalarView()
    latin.append(contentsOf: bytes.map { Unicode.Scalar($0) })
    let text = start[6] == 3 ? String(validating: bytes, as: UTF8.self) : String(latin)
    guard let text, case .dictionary(let items)? = NumPyLiteral(text),
      Set(items.keys) == ["descr", "fortran_order", "shape"],
      case .bool(let isColumnMajor)? = items["fortran_order"],
      case .sequence(let sizes)? = items["shape"], let description = items["descr"],
      let (type, fields) = NumPyHeader.type(description)
    else {
      throw CheckpointError(
        .damaged,
        "zip entry \(clipped(name)) has no readable header of NumPy: \(clipped(text ?? "bytes"))")
    }
    shape = try sizes.map {
      guard case .number(let size) = $0 else { throw damage }
      return size
    }
    (self.type, self.fields, self.isColumnMajor) = (type, fields, isColumnMajor)
  }

  private static func type(
    _ literal: NumPyLiteral
  ) -> (NumPyType, [(name: String, type: NumPyType)])? {
    switch literal {
    case .text(let spelling): return (NumPyType(spelling), [])
    case .sequence(let items):
      // A field may have a shape of its own, or fields: such records are known as records alone.
      let fields = items.compactMap { item -> (name: String, type: NumPyType)? in
        guard case .sequence(let parts) = item, parts.count == 2, case .text(let name) = parts[0],
          case .text(let type) = parts[1]
        else { return nil }
        return (name, NumPyType(type))
      }
      return (.record, fields.count == items.count ? fields : [])
    default: return nil
    }
  }
}
