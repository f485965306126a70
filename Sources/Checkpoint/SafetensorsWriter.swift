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
    try checkNames(tensors.map(\.name))
    let ordered = tensors.enumerated().sorted {
      (-$0.element.tensor.dtype.byteCount, $0.offset)
        < (-$1.element.tensor.dtype.byteCount, $1.offset)
    }.map(\.element)
    let header = header(ordered, metadata)
    let byteCount = ordered.reduce(header.count) { $0 + $1.tensor.byteCount }
    var file = try AtomicFile(path, expectedByteCount: byteCount)
    try header.withUnsafeBytes { try file.append($0) }
    for (_, tensor) in ordered {
      let rows = withoutGradients { tensor.to(.cpu).contiguous }
      try rows.withUnsafeBytes { try file.append($0) }
    }
    try file.commit()
  }

  private static func checkNames(_ names: [String]) throws {
    var seen: Set<String> = ["__metadata__"]
    for name in names where !seen.insert(name).inserted {
      let reason = name == "__metadata__" ? "is reserved by the format" : "is given twice"
      throw CheckpointError(.unsupported, "the tensor name '\(name)' \(reason)")
    }
  }

  /// The length and the JSON, padded with spaces so that the data begin at a multiple of 8.
  private static func header(
    _ tensors: [(name: String, tensor: Tensor)], _ metadata: [String: String]
  ) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key < $1.key }.map {
        "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))"
      }
      members.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.byteCount
      members.append(
        "\(JSONText.quoted(name)):{\"dtype\":\"\(tensor.dtype.safetensorsName)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }
}
