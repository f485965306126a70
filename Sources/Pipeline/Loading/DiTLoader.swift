internal import Checkpoint
internal import Inference
internal import Layers
internal import Models
internal import Torch

/// A DiT found in a checkpoint, whose weights are yet to be laid out for running.
struct DiTLoader {
  private let checkpoint: Checkpoint
  private let state: DiTState
  private let precision: Precision
  private let mode: ExecutionMode
  private let device: Device

  /// Reads the configuration and checks that each tensor is there, before anything is computed.
  ///
  /// - Parameters:
  ///   - checkpoint: a DiT in the names of any known dialect.
  ///   - headCount: attention heads, if the caller knows them.
  ///   - imageSize: height and width of images in pixels, if the caller knows them.
  ///   - precision: the number format, settled: not `auto`.
  ///   - mode: how to run.
  ///   - device: where to run.
  /// - Throws: `PipelineError` that names all missing, unexpected and mismatched tensors.
  init(
    _ checkpoint: Checkpoint, headCount: Int?, imageSize: Int?, precision: Precision,
    mode: ExecutionMode, device: Device
  ) throws {
    self.checkpoint = checkpoint
    state = try DiTState(checkpoint, headCount: headCount, imageSize: imageSize)
    self.precision = precision
    self.mode = mode
    self.device = device
  }

  /// The shape of the model.
  var config: DiTConfig { state.config }

  /// How it was found, a line each, for the user's eyes.
  var notes: [String] {
    state.notes + ["\(config.headCount) attention heads, \(state.headCountSource.rawValue)"]
  }

  /// Lays out the parameters for running; pages of the file are let go of as they are used up.
  ///
  /// - Throws: `PipelineError` if the parameters do not suit the precision.
  func load() throws -> any DiTRunner {
    let dtype = precision.parameterType(in: mode)
    do {
      return try withoutGradients {
        try makeRunner(mode, config, precision: precision, device: device) {
          ParameterStore(.load(state.tensors, dtype: dtype, device: device))
        } partDone: {
          checkpoint.releasePages()
        }
      }
    } catch let error as InferenceError {
      throw PipelineError(.unusable, "'\(checkpoint.path)': \(error.message)")
    }
  }
}
