internal import Files
internal import Torch

/// Writes safetensors files.
///
/// Source: https://github.com/huggingface/safetensors, "Format".
enum SafetensorsWriter {
  /// Writes tensors of different names; `done` gets each with its checksum.
  ///
  /// Wide element types come first, in the given order otherwise, so that every tensor is aligned to
  /// its elements.
  ///
  /// - Throws: `FileError`, what `done` throws, and `CheckpointError` for a name that the format reserves.
  static func write(
    _ tensors: [OutgoingTensor], _ metadata: [String: String], to path: String,
    _ done: (OutgoingTensor, UInt64) throws -> Void
  ) throws {
    guard !tensors.contains(where: { $0.name == "__metadata__" }) else {
      throw CheckpointError(
        .unsupported, "the tensor name '__metadata__' is reserved by the format")
    }
    let ordered = tensors.enumerated().sorted {
      (-$0.element.dtype.byteCount, $0.offset) < (-$1.element.dtype.byteCount, $1.offset)
    }.map(\.element)
    let header = header(ordered, metadata)
    let byteCount = ordered.reduce(header.count) { $0 + $1.byteCount }
    var file = try AtomicFile(path, expectedByteCount: byteCount)
    try header.withUnsafeBytes { try file.append($0) }
    for tensor in ordered {
      var checksum: UInt64 = 0
      try tensor.withBytes { bytes in
        checksum = XXH64.checksum(bytes)
        try file.append(bytes)
      }
      try done(tensor, checksum)
    }
    try file.commit()
  }

  /// The length and the JSON, padded with spaces so that the data begin at a multiple of 8.
  private static func header(
    _ tensors: [OutgoingTensor], _ metadata: [String: String]
  ) -> [UInt8] {
    var members: [(key: String, value: JSON)] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key < $1.key }
      members.append(("__metadata__", .object(texts.map { ($0.key, .string($0.value)) })))
    }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.byteCount
      let fields: [(key: String, value: JSON)] = [
        ("dtype", .string(tensor.dtype.safetensorsName)),
        ("shape", .array(tensor.shape.map(JSON.integer))),
        ("data_offsets", .array([.integer(offset), .integer(end)])),
      ]
      members.append((tensor.name, .object(fields)))
      offset = end
    }
    var json = Array(JSON.object(members).text.utf8)
    json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }
}
