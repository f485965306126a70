internal import Checkpoint
internal import Models
internal import Pipeline
internal import Training

/// What a run is finetuned from: a DiT in any format and the names of any known dialect.
struct TrainStart {
  /// The parameters.
  let weights: StartingWeights
  /// The shape of the model.
  let config: DiTConfig
  /// What was found out on the way, a line each.
  let notes: [String]

  /// Reads the checkpoint that the options name; nil if they name none.
  ///
  /// - Parameters:
  ///   - options: of `dit train`.
  ///   - imageSize: height and width of images in pixels.
  /// - Throws: `CheckpointError`; `PipelineError` if it is no DiT.
  init?(_ options: TrainModelOptions, imageSize: Int) throws {
    guard let path = options.ditCheckpoint ?? options.pretrainedModelPath else { return nil }
    let checkpoint = try Checkpoint.open(path)
    let state = try DiTState(checkpoint, headCount: options.numHeads, imageSize: imageSize)
    weights = StartingWeights(
      path: checkpoint.path, tensors: state.tensors,
      classNames: ClassNameList.decode(checkpoint.metadata))
    config = state.config
    notes = checkpoint.notes + state.notes
  }
}
