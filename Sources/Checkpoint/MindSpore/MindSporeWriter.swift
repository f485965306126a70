internal import Files
internal import Torch

/// The writer of what `mindspore.load_checkpoint` reads.
///
/// Source: mindspore, checkpoint.proto and train/serialization.py. Names are kept; texts become
/// entries of type "str" in UTF-32, as MindSpore's own.
enum MindSporeWriter {
  /// The most bytes of an entry's content; longer tensors take several entries.
  private static let maximumContentByteCount = 512 << 20

  /// Writes tensors of different names; `done` gets each with its checksum.
  ///
  /// - Throws: `FileError`, what `done` throws, and `CheckpointError` for a type that the format
  ///   lacks, or a name that stands for a text too.
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
              ? " of type \(tensor.dtype)" : " beside a text of that name"))
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
    let dims = shape.flatMap { varint(1 << 3) + varint($0) }
    let tensor = dims + field(2, Array(type.utf8)) + key(3, contentCount)
    let value = field(1, Array(name.utf8)) + key(2, tensor.count + contentCount) + tensor
    return key(1, value.count + contentCount) + value
  }

  private static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    key(number, content.count) + content
  }

  /// What comes before the bytes of a field.
  private static func key(_ number: Int, _ byteCount: Int) -> [UInt8] {
    varint(number << 3 | 2) + varint(byteCount)
  }

  private static func varint(_ number: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = UInt64(number)
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}
