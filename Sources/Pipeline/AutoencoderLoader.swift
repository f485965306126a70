public import Checkpoint
internal import Layers
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
    guard let (kind, state) = KeyMap.autoencoder(checkpoint.stateDict) else {
      throw PipelineError(
        .unusable,
        "'\(checkpoint.path)' is no autoencoder: its tensors are named neither as AutoencoderKL's"
          + " nor as TinyAutoencoder's (the first is '\(checkpoint.entries.first?.name ?? "")')")
    }
    let store = ParameterStore(.load(state, dtype: .float32, device: device))
    do {
      let shapes = state.mapValues(\.shape)
      let autoencoder: any Autoencoder =
        switch kind {
        case .kl: AutoencoderKL(try .inferred(from: shapes), at: store.root)
        case .tiny: TinyAutoencoder(try .inferred(from: shapes), at: store.root)
        }
      try store.verifyLoaded()
      return autoencoder
    } catch let error as ModelError {
      throw PipelineError(.unusable, "'\(checkpoint.path)': \(error.message)")
    } catch let mismatch as ParameterStore.Mismatch {
      let name = kind == .kl ? "AutoencoderKL" : "TinyAutoencoder"
      throw PipelineError(.unusable, "'\(checkpoint.path)' is no whole \(name): \(mismatch)")
    }
  }
}
