/// Writes the fields of a protobuf message one after the other, without a schema.
///
/// Source: https://protobuf.dev/programming-guides/encoding.
package struct ProtobufWriter {
  /// The message so far.
  package private(set) var bytes: [UInt8] = []

  /// An empty message.
  package init() {}

  /// Adds an integer.
  package mutating func add(_ field: Int, _ number: Int) {
    addKey(field, wireType: 0)
    addVarint(UInt64(bitPattern: Int64(number)))
  }

  /// Adds a number of 64 bits.
  package mutating func add(_ field: Int, _ number: Double) {
    addKey(field, wireType: 1)
    addLittleEndian(number.bitPattern)
  }

  /// Adds a number of 32 bits.
  package mutating func add(_ field: Int, _ number: Float) {
    addKey(field, wireType: 5)
    addLittleEndian(number.bitPattern)
  }

  /// Adds a text.
  package mutating func add(_ field: Int, _ text: String) { add(field, Array(text.utf8)) }

  /// Adds bytes or an inner message.
  package mutating func add(_ field: Int, _ content: [UInt8]) {
    addHead(field, byteCount: content.count)
    bytes += content
  }

  /// Adds what comes before the bytes of a field, which the caller writes.
  mutating func addHead(_ field: Int, byteCount: Int) {
    addKey(field, wireType: 2)
    addVarint(UInt64(byteCount))
  }

  private mutating func addKey(_ field: Int, wireType: Int) {
    addVarint(UInt64(field << 3 | wireType))
  }

  /// Adds an integer, seven bits a byte, the lowest first.
  private mutating func addVarint(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func addLittleEndian(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }
}
