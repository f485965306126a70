public import Checkpoint
public import Models
public import Torch

/// Makes autoencoders from checkpoints of any known dialect.
public enum AutoencoderLoader {
  /// Loads an autoencoder.
  ///
  /// - Parameters:
  ///   - checkpoint: the whole autoencoder, or one half of it.
  ///   - dtype: what it computes in.
  ///   - device: where its parameters go.
  /// - Returns: the autoencoder.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  public static func load(
    _ checkpoint: Checkpoint, dtype: DType = .float32, device: Device
  ) throws -> any Autoencoder {
    try AutoencoderState(checkpoint).model(dtype, on: device)
  }
}
