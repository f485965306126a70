/// Pieces of protobuf messages.
enum ProtobufBytes {
  static func varint(_ number: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  /// A field of bytes, text or a message.
  static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(UInt64(content.count)) + content
  }

  /// A field of a number.
  static func field(_ number: UInt64, _ value: UInt64) -> [UInt8] {
    varint(number << 3) + varint(value)
  }

  /// A tensor as MindSpore describes it.
  static func tensor(
    _ dims: [UInt64], _ content: [UInt8], type: String = "Float32"
  ) -> [UInt8] {
    dims.flatMap { field(1, $0) } + field(2, Array(type.utf8)) + field(3, content)
  }

  /// An entry of a checkpoint.
  static func entry(_ name: String, _ tensor: [UInt8]) -> [UInt8] {
    field(1, field(1, Array(name.utf8)) + field(2, tensor))
  }
}
