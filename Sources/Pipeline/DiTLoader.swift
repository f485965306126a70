internal import Checkpoint
internal import Inference
internal import Layers
internal import Models
internal import Torch

/// Makes a DiT from a checkpoint.
struct DiTLoader {
  let checkpoint: Checkpoint
  let headCount: Int?
  let imageSize: Int?
  let precision: Precision
  let mode: ExecutionMode
  let device: Device

  /// Reads the configuration and checks that each tensor is there, before anything is computed.
  ///
  /// - Returns: the configuration, and notes on how it was found.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  func inferredConfig() throws -> (config: DiTConfig, notes: [String]) {
    let state = try DiTState(checkpoint, headCount: headCount, imageSize: imageSize)
    let heads = "\(state.config.headCount) attention heads, \(state.headCountSource.rawValue)"
    return (state.config, state.notes + [heads])
  }

  /// Lays out the parameters for running; pages of the file are let go of as they are used up.
  ///
  /// - Throws: `PipelineError`, as `inferredConfig` does, or if the parameters do not suit the
  ///   precision.
  func load(_ config: DiTConfig) throws -> any DiTRunner {
    let state = try DiTState(checkpoint, headCount: headCount, imageSize: imageSize).tensors
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
