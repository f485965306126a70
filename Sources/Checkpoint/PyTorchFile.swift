/// The reader of `torch.save` files.
enum PyTorchFile {
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> CheckpointContents {
    throw CheckpointError(.unsupported, "PyTorch files cannot be read yet; use safetensors")
  }
}
