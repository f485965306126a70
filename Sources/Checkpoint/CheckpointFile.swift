internal import Files

/// One file of a checkpoint: its bytes and its content.
struct CheckpointFile {
  let path: String
  let bytes: UnsafeRawBufferPointer
  /// The owner of the bytes; nil for bytes that need none.
  let file: MappedFile?
  let format: CheckpointFormat
  var contents: CheckpointContents
  /// The half of an autoencoder that it holds; nil for anything else.
  var half: AutoencoderHalf?

  /// Maps and reads a file; `weights` is nil for a part of a checkpoint, whose weights are chosen with
  /// those of the others.
  init(_ path: String, _ weights: WeightSet?) throws {
    let file = try MappedFile(path)
    try self.init(file.bytes, path: path, file: file, weights)
  }

  /// Reads bytes; errors have the path in front.
  init(
    _ bytes: UnsafeRawBufferPointer, path: String, file: MappedFile?, _ weights: WeightSet?
  ) throws {
    do {
      format = try CheckpointFormat.detect(bytes)
      contents =
        switch format {
        case .safetensors: try Safetensors.read(bytes)
        case .pytorch: try PyTorchFile.read(bytes)
        case .mindspore: try MindSporeFile.read(bytes)
        }
      if let weights { try contents.choose(weights, isMindSpore: format == .mindspore) }
    } catch let error as CheckpointError {
      throw error.located(in: path)
    }
    self.path = path
    self.bytes = bytes
    self.file = file
  }
}
