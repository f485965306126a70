public import Checkpoint
public import Models
public import Torch

/// Makes autoencoders from checkpoints of any known dialect.
public enum AutoencoderLoader {
  /// Loads an autoencoder in float32.
  ///
  /// - Parameters:
  ///   - checkpoint: the whole autoencoder, or one half of it.
  ///   - device: where its parameters go.
  /// - Returns: the autoencoder.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  public static func load(_ checkpoint: Checkpoint, device: Device) throws -> any Autoencoder {
    try AutoencoderState(checkpoint).model(on: device)
  }
}
