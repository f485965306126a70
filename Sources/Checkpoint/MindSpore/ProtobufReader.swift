/// Takes the fields of a protobuf message one after the other, without a schema.
///
/// Source: https://protobuf.dev/programming-guides/encoding. Nothing is copied and nothing recurses:
/// a message within is a range of bytes for the caller to read in turn.
struct ProtobufReader {
  /// A field's value by its wire type.
  enum Value: Equatable {
    /// An integer of 64 bits.
    case varint(UInt64)
    /// The range of a text, bytes or a message in the file.
    case bytes(Range<Int>)
    /// A number of fixed size, which is skipped.
    case fixed
  }

  private var cursor: ByteCursor

  /// Reads the message that lies at `range` of a file.
  init(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, reading subject: String
  ) throws {
    let upToEnd = UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound])
    cursor = try ByteCursor(upToEnd, at: range.lowerBound, reading: subject)
  }

  /// The offset of the next field.
  var offset: Int { cursor.offset }

  /// Takes the next field; nil at the end of the message.
  ///
  /// - Throws: `CheckpointError` if the field reaches beyond the end or is of no known wire type.
  mutating func next() throws -> (number: UInt64, value: Value)? {
    guard cursor.remaining > 0 else { return nil }
    let start = cursor.offset
    let key = try varint()
    guard key >> 3 > 0, key >> 3 < 1 << 29 else { throw wrong(start, "a field of no number") }
    let value: Value
    switch key & 7 {
    case 0: value = .varint(try varint())
    case 1:
      _ = try cursor.take(8)
      value = .fixed
    case 2:
      guard let count = Int(exactly: try varint()) else { throw wrong(start, "an absurd length") }
      let begin = cursor.offset
      _ = try cursor.take(count)
      value = .bytes(begin..<cursor.offset)
    case 5:
      _ = try cursor.take(4)
      value = .fixed
    default: throw wrong(start, "a field of wire type \(key & 7)")
    }
    return (key >> 3, value)
  }

  /// Takes an integer of seven bits a byte, the lowest first.
  mutating func varint() throws -> UInt64 {
    let start = cursor.offset
    var result: UInt64 = 0
    for shift in stride(from: 0 as UInt64, through: 63, by: 7) {
      let byte = try cursor.take(UInt8.self)
      guard shift < 63 || byte <= 1 else { break }
      result |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return result }
    }
    throw wrong(start, "a number beyond 64 bits")
  }

  private func wrong(_ offset: Int, _ what: String) -> CheckpointError {
    CheckpointError(
      .damaged, "\(cursor.subject) has \(what) at byte \(offset); was the file altered?")
  }
}
