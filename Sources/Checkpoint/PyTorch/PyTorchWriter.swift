/// Writes files for `torch.load`, also with `weights_only`.
///
/// Source: pytorch, torch/serialization.py: a zip archive of one folder with `data.pkl`,
/// `byteorder`, the storages as `data/KEY`, and `version`.
enum PyTorchWriter {
  private static let folder = "archive"

  /// Writes tensors of different names; `done` gets each with its checksum.
  ///
  /// - Throws: `FileError`, and what `done` throws.
  static func write(
    _ tensors: [OutgoingTensor], _ metadata: [String: String], to path: String,
    narrowLimit: Int = 0xFFFF_FFFF, _ done: (OutgoingTensor, UInt64) throws -> Void
  ) throws {
    let pickle = PyTorchPickle(tensors, metadata: metadata).bytes
    let overhead = ZipWriter.maximumOverhead + 2 * (folder.utf8.count + 16)
    let byteCount = tensors.reduce(pickle.count + 4 * overhead + 128) {
      $0 + $1.byteCount + overhead
    }
    var archive = try ZipWriter(path, expectedByteCount: byteCount, narrowLimit: narrowLimit)
    func append(_ name: String, _ bytes: [UInt8]) throws {
      try bytes.withUnsafeBytes {
        try archive.append("\(folder)/\(name)", $0, checksum: CRC32.checksum($0))
      }
    }
    try append("data.pkl", pickle)
    try append("byteorder", Array("little".utf8))
    for (index, tensor) in tensors.enumerated() {
      var checksum: UInt64 = 0
      try tensor.withBytes { bytes in
        checksum = XXH64.checksum(bytes)
        try archive.append(
          "\(folder)/data/\(index)", bytes, checksum: CRC32.checksum(bytes))
      }
      try done(tensor, checksum)
    }
    try append("version", Array("3\n".utf8))
    try archive.commit()
  }
}
