/// The file formats of checkpoints.
public enum CheckpointFormat: String, CaseIterable, Sendable {
  /// A JSON header of names, types, shapes and offsets, then the tensors' bytes.
  ///
  /// Source: https://github.com/huggingface/safetensors, "Format".
  case safetensors
  /// The format of `torch.save`: a pickle and storages, in a zip archive, or one after the other before
  /// PyTorch 1.6; also a pickle by itself, with arrays of NumPy.
  case pytorch
  /// The format of `mindspore.save_checkpoint`: a protobuf message.
  case mindspore

  /// Detects the format from the content, whatever the file's name.
  ///
  /// - Throws: `CheckpointError` that says what the file seems to be.
  static func detect(_ bytes: UnsafeRawBufferPointer) throws -> CheckpointFormat {
    if PyTorchFile.begins(bytes) { return .pytorch }
    if Safetensors.begins(bytes) { return .safetensors }
    if MindSporeFile.begins(bytes) { return .mindspore }
    if PyTorchFile.isPickle(bytes) { return .pytorch }
    let remedy = "a safetensors, PyTorch or MindSpore file is needed"
    throw CheckpointError(.unknownFormat, "\(guess(bytes)); \(remedy)")
  }

  private static func guess(_ bytes: UnsafeRawBufferPointer) -> String {
    func begins(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
    if begins("version https://git-lfs") {
      return "this is a Git LFS pointer, not the file itself (`git lfs pull` fetches it)"
    }
    if begins("<") { return "this is a web page or XML, not a checkpoint" }
    if bytes.count > 262, bytes[257..<262].elementsEqual("ustar".utf8) {
      return "this is a tar archive, as PyTorch wrote before 0.1.10 or with its files unpacked;"
        + " load it there and save it again with `torch.save`"
    }
    let first = bytes.prefix(8).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }
    return "unknown format (the file begins with bytes \(first.joined(separator: " ")))"
  }
}
