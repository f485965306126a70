internal import Torch

/// Reads safetensors files.
///
/// Source: https://github.com/huggingface/safetensors, "Format": eight bytes of header length, a
/// JSON header, then the tensors' bytes without holes.
enum Safetensors {
  /// The largest header that the format allows, in bytes.
  static let maximumHeaderByteCount = 100_000_000

  /// Whether the bytes look like this format: a length, then a JSON object.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count > 8 && bytes[8] == UInt8(ascii: "{")
  }

  /// Reads the table of tensors.
  ///
  /// - Throws: `CheckpointError`.
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> CheckpointContents {
    var cursor = try ByteCursor(bytes, reading: "the safetensors file")
    let count = try cursor.takeCount(UInt64.self)
    guard count <= maximumHeaderByteCount else {
      throw CheckpointError(
        .damaged, "the header claims \(count) bytes; the format allows \(maximumHeaderByteCount)")
    }
    guard count <= cursor.remaining else {
      throw CheckpointError(
        .damaged,
        "the header claims \(count) bytes and the file has only \(cursor.remaining) after its"
          + " length; was it copied whole?")
    }
    var header = try SafetensorsHeader.parse(try cursor.take(count))
    header.tensors.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
    let dataOffset = cursor.offset
    try checkOffsets(header.tensors, dataByteCount: cursor.remaining)
    return CheckpointContents(
      table: StateTable(tensors: try header.tensors.map { try stored($0, dataOffset) }),
      metadata: header.metadata)
  }

  /// Checks that the tensors cover the data from end to end, each byte once.
  private static func checkOffsets(
    _ tensors: [SafetensorsHeader.Tensor], dataByteCount: Int
  ) throws {
    var next = 0
    for tensor in tensors {
      guard tensor.begin <= tensor.end, tensor.end <= dataByteCount else {
        throw CheckpointError(
          .damaged,
          "tensor '\(tensor.name)' lies at bytes \(tensor.begin) to \(tensor.end) of the data,"
            + " which has \(dataByteCount); was the file copied whole?")
      }
      guard tensor.begin == next else {
        let fault =
          tensor.begin < next ? "overlaps the tensor before it" : "leaves a hole before it"
        throw CheckpointError(.damaged, "tensor '\(tensor.name)' \(fault)")
      }
      next = tensor.end
    }
    guard next == dataByteCount else {
      throw CheckpointError(
        .damaged, "the tensors end at byte \(next) of the data, which has \(dataByteCount)")
    }
  }

  private static func stored(
    _ tensor: SafetensorsHeader.Tensor, _ dataOffset: Int
  ) throws -> StoredTensor {
    let byteCount = tensor.end - tensor.begin
    guard let dtype = DType(safetensorsName: tensor.dtype) else {
      return .foreign(
        try ForeignTensor(
          checking: tensor.name, type: tensor.dtype, shape: tensor.shape, byteCount: byteCount))
    }
    guard TensorExtent.byteCount(tensor.shape, dtype) == byteCount else {
      throw CheckpointError(
        .damaged,
        "tensor '\(tensor.name)' of shape \(tensor.shape) and type \(tensor.dtype) does not fit"
          + " its \(byteCount) bytes")
    }
    return .known(
      Checkpoint.Entry(
        name: tensor.name, dtype: dtype, shape: tensor.shape,
        strides: Tensor.contiguousStrides(of: tensor.shape),
        byteOffset: dataOffset + tensor.begin, byteCount: byteCount))
  }
}

extension DType {
  /// The spelling in a safetensors header.
  var safetensorsName: String {
    switch self {
    case .uint8: "U8"
    case .int8: "I8"
    case .int16: "I16"
    case .int32: "I32"
    case .int64: "I64"
    case .float16: "F16"
    case .float32: "F32"
    case .float64: "F64"
    case .bool: "BOOL"
    case .bfloat16: "BF16"
    case .float8e5m2: "F8_E5M2"
    case .float8e4m3: "F8_E4M3"
    }
  }

  /// The type for a spelling in a safetensors header; nil for others.
  init?(safetensorsName name: String) {
    guard let type = DType.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
    self = type
  }
}
