public import Torch

/// Writes checkpoints of all formats, one tensor at a time.
public enum CheckpointWriter {
  /// What was written for a tensor, to verify the file.
  public struct Record: Sendable, Equatable {
    /// Its name.
    public let name: String
    /// The type of the elements.
    public let dtype: DType
    /// The sizes of the dimensions.
    public let shape: [Int]
    /// The XXH64 of the elements in row-major order.
    public let checksum: UInt64
  }

  /// Writes a file, which appears under its name when it is complete.
  ///
  /// - Parameters:
  ///   - tensors: unique names and their tensors, on any device.
  ///   - format: the file's format, whatever its suffix.
  ///   - floatType: the type of floating-point tensors in the file; nil keeps each type.
  ///   - metadata: texts to store with the tensors.
  ///   - path: the file; an older one is replaced.
  ///   - afterEach: called after each tensor with the number written so far; if it throws, no file
  ///     is left.
  /// - Returns: a record of each tensor, for `verify`.
  /// - Throws: `FileError`; `CheckpointError` for names or types that the format cannot hold.
  @discardableResult public static func write(
    _ tensors: [(name: String, tensor: Tensor)], as format: CheckpointFormat = .safetensors,
    floatType: DType? = nil, metadata: [String: String] = [:], to path: String,
    afterEach: (Int) throws -> Void = { _ in }
  ) throws -> [Record] {
    let outgoing = tensors.map { OutgoingTensor($0.name, $0.tensor, floatType: floatType) }
    var names: Set<String> = []
    for tensor in outgoing {
      guard !tensor.name.isEmpty, names.insert(tensor.name).inserted else {
        throw CheckpointError(
          .unsupported,
          tensor.name.isEmpty
            ? "a tensor has no name" : "the tensor name '\(tensor.name)' is given twice")
      }
    }
    var records: [Record] = []
    func done(_ tensor: OutgoingTensor, _ checksum: UInt64) throws {
      records.append(
        Record(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, checksum: checksum))
      try afterEach(records.count)
    }
    switch format {
    case .safetensors: try SafetensorsWriter.write(outgoing, metadata, to: path, done)
    case .pytorch: try PyTorchWriter.write(outgoing, metadata, to: path, done)
    case .mindspore: try MindSporeWriter.write(outgoing, metadata, to: path, done)
    }
    return records
  }

  /// Reads a file again and compares it with the records of its tensors.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - records: the result of `write`.
  ///   - afterEach: called after each tensor with the number compared so far.
  /// - Throws: `CheckpointError` if a name, type, shape or element differs; `FileError`.
  public static func verify(
    _ path: String, against records: [Record], afterEach: (Int) throws -> Void = { _ in }
  ) throws {
    let checkpoint = try Checkpoint.open(path, weights: .all)
    func fault(_ what: String) -> CheckpointError {
      CheckpointError(
        .damaged, "'\(path)' is not as it was written: \(what); is the disk sound?")
    }
    guard checkpoint.entries.count == records.count else {
      throw fault("\(checkpoint.entries.count) tensors instead of \(records.count)")
    }
    for (index, record) in records.enumerated() {
      guard let tensor = checkpoint.tensor(record.name) else {
        throw fault("tensor \(clipped(record.name)) is missing")
      }
      guard tensor.dtype == record.dtype, tensor.shape == record.shape,
        tensor.contiguous.withUnsafeBytes(XXH64.checksum) == record.checksum
      else { throw fault("tensor \(clipped(record.name)) differs") }
      checkpoint.releasePages()
      try afterEach(index + 1)
    }
  }
}
