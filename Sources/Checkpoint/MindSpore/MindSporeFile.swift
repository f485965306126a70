internal import Torch

/// Reads files of `mindspore.save_checkpoint`.
///
/// Source: mindspore, checkpoint.proto and train/serialization.py: a protobuf message with an entry
/// of name, sizes, element type and bytes for each tensor. A long tensor has several entries, one after
/// the other; texts are UTF-32; the file may end in a checksum.
enum MindSporeFile {
  /// The most entries of a file.
  private static let maximumEntryCount = 1 << 18
  /// The most bytes of a text, such as the class names.
  private static let maximumTextByteCount = 64 << 20
  /// The element type of texts.
  static let textType = "str"
  /// Numbers that MindSpore's checkpoint callback adds.
  private static let counters: Set = ["epoch_num", "step_num", "learning_rate"]

  /// Whether the bytes look like this format: an entry that begins with a name.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count > 4, bytes[0] == 0x0A,
      var reader = try? ProtobufReader(bytes, 1..<bytes.count, reading: ""),
      let length = try? reader.varint(), length > 4, reader.offset < bytes.count,
      bytes[reader.offset] == 0x0A,
      var name = try? ProtobufReader(bytes, reader.offset + 1..<bytes.count, reading: ""),
      let count = try? name.varint(), count > 0, count < length
    else { return false }
    let text = bytes[name.offset...].prefix(Int(min(count, 256)))
    return !text.isEmpty && text.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
  }

  /// Reads the table of tensors.
  ///
  /// - Throws: `CheckpointError`.
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> CheckpointContents {
    let end = try MindSporeChecksum.verifiedEnd(bytes)
    var reader = try ProtobufReader(bytes, 0..<end, reading: "the MindSpore file")
    var contents = CheckpointContents()
    var parts: [MindSporeValue] = []
    var count = 0
    while let (number, value) = try reader.next() {
      guard number == 1, case .bytes(let range) = value else { continue }
      count += 1
      guard count <= maximumEntryCount else {
        throw CheckpointError(
          .unsupported, "the file has more entries than \(maximumEntryCount), the limit")
      }
      let part = try MindSporeValue(bytes, range)
      if let first = parts.first, first.tag != part.tag {
        try add(parts, bytes, to: &contents)
        parts = []
      }
      parts.append(part)
    }
    try add(parts, bytes, to: &contents)
    guard !contents.table.tensors.isEmpty else {
      throw CheckpointError(.noTensors, "the MindSpore file has no tensors")
    }
    return contents
  }

  /// Adds the tensor or text of consecutive entries of one name.
  private static func add(
    _ parts: [MindSporeValue], _ bytes: UnsafeRawBufferPointer,
    to contents: inout CheckpointContents
  ) throws {
    guard let first = parts.first else { return }
    let name = first.tag
    guard parts.allSatisfy({ $0.dims == first.dims && $0.type == first.type }) else {
      throw CheckpointError(
        .damaged, "the parts of tensor \(clipped(name)) differ in shape or type")
    }
    guard first.type != textType else {
      let text = try text(parts.map(\.content), name, bytes)
      guard contents.metadata.updateValue(text, forKey: name) == nil else {
        throw CheckpointError(.damaged, "the file has the text \(clipped(name)) twice")
      }
      return
    }
    let tensor = try stored(parts)
    if case .known(let entry) = tensor, counters.contains(name), entry.shape.isEmpty,
      entry.continuation.isEmpty
    {
      contents.metadata[name] = number(entry, bytes)
      contents.notes.append(.leftOutCounter(name))
    } else {
      contents.table.tensors.append(tensor)
    }
  }

  private static func stored(_ parts: [MindSporeValue]) throws -> StoredTensor {
    let first = parts[0]
    guard let dtype = DType(mindSporeName: first.type) else {
      return .foreign(
        try ForeignTensor(
          checking: first.tag, type: first.type, shape: first.dims,
          byteCount: parts.reduce(0) { $0 + $1.content.count }))
    }
    let runs = parts.map(\.content).filter { !$0.isEmpty }
    let byteCount = runs.reduce(0) { $0 + $1.count }
    // MindSpore has two ways to write the shape of a single number.
    let shape = first.dims == [0] && byteCount == dtype.byteCount ? [] : first.dims
    guard TensorExtent.byteCount(shape, dtype) == byteCount else {
      throw CheckpointError(
        .damaged,
        "tensor \(clipped(first.tag)) of shape \(shape) and type \(first.type) does not fit its"
          + " \(byteCount) bytes; was the file altered?")
    }
    return .known(
      Checkpoint.Entry(
        name: first.tag, dtype: dtype, shape: shape, strides: Tensor.contiguousStrides(of: shape),
        byteOffset: runs.first?.lowerBound ?? 0, byteCount: runs.first?.count ?? 0,
        continuation: Array(runs.dropFirst())))
  }

  /// A text, in UTF-32.
  private static func text(
    _ runs: [Range<Int>], _ name: String, _ bytes: UnsafeRawBufferPointer
  ) throws -> String {
    let content = runs.reduce(into: [UInt8]()) { content, run in
      if content.count + run.count <= maximumTextByteCount { content += bytes[run] }
    }
    let words = content.withUnsafeBytes { content in
      stride(from: 0, to: content.count - content.count % 4, by: 4).map {
        UInt32(littleEndian: content.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
      }
    }
    guard content.count == runs.reduce(0, { $0 + $1.count }), content.count.isMultiple(of: 4),
      let text = String(validating: words, as: UTF32.self)
    else {
      throw CheckpointError(
        .damaged, "the text \(clipped(name)) is not UTF-32 or too long; was the file altered?")
    }
    return text
  }

  private static func number(
    _ entry: Checkpoint.Entry, _ bytes: UnsafeRawBufferPointer
  ) -> String? {
    func load<Number: BitwiseCopyable>(_ type: Number.Type) -> Number {
      bytes.loadUnaligned(fromByteOffset: entry.byteOffset, as: type)
    }
    return switch entry.dtype {
    case .int32: String(load(Int32.self))
    case .int64: String(load(Int64.self))
    case .float32: String(load(Float.self))
    case .float64: String(load(Double.self))
    default: nil
    }
  }
}

extension DType {
  /// The spelling in MindSpore's files; nil for a type that they lack.
  var mindSporeName: String? {
    switch self {
    case .uint8: "UInt8"
    case .int8: "Int8"
    case .int16: "Int16"
    case .int32: "Int32"
    case .int64: "Int64"
    case .float16: "Float16"
    case .float32: "Float32"
    case .float64: "Float64"
    case .bool: "Bool"
    case .bfloat16: "BFloat16"
    case .float8e5m2, .float8e4m3: nil
    }
  }

  /// The type for a spelling in MindSpore's files; nil for others.
  init?(mindSporeName name: String) {
    guard let type = DType.allCases.first(where: { $0.mindSporeName == name }) else { return nil }
    self = type
  }
}
