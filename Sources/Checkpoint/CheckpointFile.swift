internal import Files

/// One file of a checkpoint: its bytes, and what a reader found in them.
struct CheckpointFile {
  let bytes: UnsafeRawBufferPointer
  /// What keeps the bytes; nil for bytes that need no keeping.
  let file: MappedFile?
  let format: CheckpointFormat
  var contents: CheckpointContents

  /// Maps and reads a file.
  init(_ path: String, _ weights: WeightSet) throws {
    let file = try MappedFile(path)
    try self.init(file.bytes, path: path, file: file, weights)
  }

  /// Reads bytes; errors have the path in front.
  init(
    _ bytes: UnsafeRawBufferPointer, path: String, file: MappedFile?, _ weights: WeightSet
  ) throws {
    do {
      format = try CheckpointFormat.detect(bytes)
      guard format == .pytorch || weights != .averaged else { throw weights.missing }
      contents =
        switch format {
        case .safetensors: try Safetensors.read(bytes)
        case .pytorch: try PyTorchFile.read(bytes, weights)
        case .mindspore: try MindSporeFile.read(bytes)
        }
    } catch let error as CheckpointError {
      throw error.located(in: path)
    }
    self.bytes = bytes
    self.file = file
  }
}

/// What a reader found in a file.
struct CheckpointContents {
  var entries: [Checkpoint.Entry] = []
  var metadata: [String: String] = [:]
  var notes: [String] = []
  var isTraining = false
}
