internal import Checkpoint
internal import Inference
internal import Layers
internal import Models
internal import Torch

/// Makes a DiT from a checkpoint.
struct DiTLoader {
  let checkpoint: Checkpoint
  let headCount: Int?
  let precision: Precision
  let mode: ExecutionMode
  let device: Device

  /// Reads the configuration and checks that each tensor is there, before anything is computed.
  ///
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  func inferredConfig() throws -> (config: DiTConfig, note: String) {
    let state = checkpoint.stateDict
    do {
      let (config, source) = try DiTConfig.inferred(
        from: state.mapValues(\.shape), headCount: headCount, metadata: checkpoint.metadata)
      let store = ParameterStore(.load(state))
      _ = DiT(config, at: store.root)
      try store.verifyLoaded()
      return (config, "\(config.headCount) attention heads, \(source.rawValue)")
    } catch let error as ModelError {
      throw PipelineError(.unusable, "'\(checkpoint.path)': \(error.message)")
    } catch let mismatch as ParameterStore.Mismatch {
      throw PipelineError(
        .unusable, "'\(checkpoint.path)' does not hold the parameters of a DiT: \(mismatch)")
    }
  }

  /// Lays out the parameters for running; pages of the file are let go of as they are used up.
  ///
  /// - Throws: `PipelineError` if the parameters do not suit the precision.
  func load(_ config: DiTConfig) throws -> any DiTRunner {
    let state = checkpoint.stateDict
    let dtype = precision.parameterType(in: mode, on: device)
    do {
      return try withoutGradients {
        try makeRunner(mode, config, precision: precision, device: device) {
          ParameterStore(.load(state, dtype: dtype, device: device))
        } partDone: {
          checkpoint.releasePages()
        }
      }
    } catch let error as InferenceError {
      throw PipelineError(.unusable, "'\(checkpoint.path)': \(error.message)")
    }
  }
}
