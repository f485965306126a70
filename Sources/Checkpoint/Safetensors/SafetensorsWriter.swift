internal import Files
public import Torch

/// The writer of safetensors files.
///
/// Source: https://github.com/huggingface/safetensors, "Format".
public enum SafetensorsWriter {
  /// Writes tensors and texts; the file appears under its name when it is whole.
  ///
  /// Wide element types come first, in the given order otherwise, so that every tensor is aligned
  /// to its elements. One tensor at a time is brought to the CPU and into row-major order.
  ///
  /// - Parameters:
  ///   - tensors: names, each once, and what they stand for.
  ///   - metadata: texts for the header.
  ///   - path: the file; replaced if it is there.
  /// - Throws: `FileError`; `CheckpointError` for a name that comes twice or that the format
  ///   reserves.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
  ) throws {
    try CheckpointWriter.write(tensors, as: .safetensors, metadata: metadata, to: path)
  }

  /// Writes tensors of different names; `done` gets each with its checksum.
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
    var members: [String] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key < $1.key }.map {
        "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))"
      }
      members.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.byteCount
      members.append(
        "\(JSONText.quoted(tensor.name)):{\"dtype\":\"\(tensor.dtype.safetensorsName)\","
          + "\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }
}
