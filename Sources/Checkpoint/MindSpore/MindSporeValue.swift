/// One entry of a MindSpore checkpoint: a tensor, or a part of a long one.
struct MindSporeValue {
  /// The name.
  let tag: String
  /// The sizes; `[0]` can also mean a single number.
  let dims: [Int]
  /// The name of the element type.
  let type: String
  /// The range of the elements in the file.
  let content: Range<Int>

  /// The longest name or type that is read, in bytes.
  private static let maximumTextByteCount = 1 << 16

  /// Reads the message at a range of the file.
  ///
  /// - Throws: `CheckpointError`.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws {
    let subject = "the entry at byte \(range.lowerBound)"
    var reader = try ProtobufReader(bytes, range, reading: subject)
    var tag: String?
    var tensor: Range<Int>?
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .bytes(let range)): tag = try MindSporeValue.text(bytes, range, subject)
      case (2, .bytes(let range)): tensor = range
      case (3, _):
        throw CheckpointError(
          .unsupported,
          "\(subject) is a hash table (a MapParameter); only tensors are read")
      default: break
      }
    }
    guard let tag, !tag.isEmpty, let tensor else {
      throw CheckpointError(
        .damaged, "\(subject) lacks its name or its tensor; was the file altered?")
    }
    self.tag = tag
    (dims, type, content) = try MindSporeValue.tensor(bytes, tensor, "tensor \(clipped(tag))")
  }

  private static func tensor(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ subject: String
  ) throws -> ([Int], String, Range<Int>) {
    var reader = try ProtobufReader(bytes, range, reading: subject)
    var dims: [Int] = []
    var type: String?
    var content: Range<Int>?
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .varint(let size)): try append(size, to: &dims, subject)
      case (1, .bytes(let packed)):
        var sizes = try ProtobufReader(bytes, packed, reading: subject)
        while sizes.offset < packed.upperBound {
          try append(try sizes.varint(), to: &dims, subject)
        }
      case (2, .bytes(let range)): type = try text(bytes, range, subject)
      case (3, .bytes(let range)): content = range
      default: break
      }
    }
    guard let type, let content else {
      throw CheckpointError(
        .damaged, "\(subject) lacks its element type or its content; was the file altered?")
    }
    return (dims, type, content)
  }

  private static func append(_ size: UInt64, to dims: inout [Int], _ subject: String) throws {
    guard dims.count < TensorExtent.maximumRank, let size = Int(exactly: size) else {
      throw CheckpointError(.damaged, "\(subject) has absurd sizes; was the file altered?")
    }
    dims.append(size)
  }

  private static func text(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ subject: String
  ) throws -> String {
    guard range.count <= maximumTextByteCount,
      let text = String(validating: bytes[range], as: UTF8.self)
    else {
      throw CheckpointError(
        .damaged, "\(subject) has a name that is not text; was the file altered?")
    }
    return text
  }
}
