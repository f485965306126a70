internal import Files
internal import Torch

/// Writes files for `mindspore.load_checkpoint`.
///
/// Source: mindspore, checkpoint.proto and train/serialization.py. Texts become
/// entries of type "str" in UTF-32, as in MindSpore's own files.
enum MindSporeWriter {
  /// The most bytes of an entry's content; longer tensors take several entries.
  private static let maximumContentByteCount = 512 << 20

  /// Writes tensors of different names; `done` gets each with its checksum.
  ///
  /// - Throws: `FileError`, what `done` throws, and `CheckpointError` for a type that the format
  ///   lacks, or a tensor with the name of a text.
  static func write(
    _ tensors: [OutgoingTensor], _ metadata: [String: String], to path: String,
    contentLimit: Int = maximumContentByteCount, _ done: (OutgoingTensor, UInt64) throws -> Void
  ) throws {
    for tensor in tensors {
      guard tensor.dtype.mindSporeName != nil, metadata[tensor.name] == nil else {
        throw CheckpointError(
          .unsupported,
          "a MindSpore file cannot hold tensor \(clipped(tensor.name))"
            + (metadata[tensor.name] == nil
              ? " of type \(tensor.dtype)" : " next to a text of that name"))
      }
    }
    let texts = metadata.sorted { $0.key < $1.key }.map { text($0.key, $0.value) }
    let overhead = tensors.reduce(0) {
      $0 + ($1.byteCount / contentLimit + 1) * ($1.name.utf8.count + 11 * $1.shape.count + 64)
    }
    let byteCount = texts.reduce(overhead) { $0 + $1.count }
    var file = try AtomicFile(
      path, expectedByteCount: tensors.reduce(byteCount) { $0 + $1.byteCount })
    for tensor in tensors {
      var checksum: UInt64 = 0
      try tensor.withBytes { bytes in
        checksum = XXH64.checksum(bytes)
        var rest = bytes
        repeat {
          let run = UnsafeRawBufferPointer(rebasing: rest.prefix(contentLimit))
          let head = head(
            tensor.name, tensor.shape, tensor.dtype.mindSporeName ?? "", contentCount: run.count)
          try head.withUnsafeBytes { try file.append($0) }
          try file.append(run)
          rest = UnsafeRawBufferPointer(rebasing: rest[run.count...])
        } while !rest.isEmpty
      }
      try done(tensor, checksum)
    }
    for text in texts { try text.withUnsafeBytes { try file.append($0) } }
    try file.commit()
  }

  private static func text(_ name: String, _ text: String) -> [UInt8] {
    let content = text.unicodeScalars.flatMap { scalar in
      withUnsafeBytes(of: scalar.value.littleEndian) { Array($0) }
    }
    return head(name, [0], MindSporeFile.textType, contentCount: content.count) + content
  }

  /// An entry up to its content.
  private static func head(
    _ name: String, _ shape: [Int], _ type: String, contentCount: Int
  ) -> [UInt8] {
    var tensor = ProtobufWriter()
    for size in shape { tensor.add(1, size) }
    tensor.add(2, type)
    tensor.addHead(3, byteCount: contentCount)
    var value = ProtobufWriter()
    value.add(1, name)
    value.addHead(2, byteCount: tensor.bytes.count + contentCount)
    var entry = ProtobufWriter()
    entry.addHead(1, byteCount: value.bytes.count + tensor.bytes.count + contentCount)
    return entry.bytes + value.bytes + tensor.bytes
  }
}
