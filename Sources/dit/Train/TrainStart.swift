internal import Checkpoint
internal import Models
internal import Pipeline
internal import Training

/// What a run is finetuned from: a DiT in any format and the names of any known dialect.
struct TrainStart {
  /// The file that the rest is of.
  let path: String
  /// The parameters; nil for a run that goes on, whose own checkpoint has them all.
  let weights: PretrainedWeights?
  /// The shape of the model.
  let config: DiTConfig
  /// The checkpoint's texts, class names among them.
  let metadata: [String: String]
  /// What was found out on the way, a line each.
  let notes: [String]

  /// Reads the checkpoint that the options name; nil if they name none.
  ///
  /// A run that goes on does not need it any more: the shape of its model is read off a checkpoint of
  /// its own, where this process finds one.
  ///
  /// - Parameters:
  ///   - options: of `dit train`.
  ///   - output: the run, and whether it goes on.
  ///   - imageSize: height and width of images in pixels.
  /// - Throws: `CheckpointError`; `PipelineError` if it is no DiT.
  init?(_ options: TrainModelOptions, _ output: TrainOutputOptions, imageSize: Int) throws {
    guard let start = options.startPath else { return nil }
    let resumed = TrainStart.resumed(output)
    let checkpoint = try resumed ?? Checkpoint.openModel(start)
    let state = try DiTState(checkpoint, headCount: options.numHeads, imageSize: imageSize)
    path = checkpoint.path
    weights =
      resumed == nil
      ? PretrainedWeights(
        path: checkpoint.path, tensors: state.tensors,
        classNames: ClassNameList.decode(checkpoint.metadata)) : nil
    config = state.config
    metadata = checkpoint.metadata
    notes = checkpoint.notes.map(\.description) + state.findings.map(\.rawValue)
  }

  /// The weights of a checkpoint of the run that goes on; all of them are of the same shape. Nil if
  /// there is none that can be read.
  private static func resumed(_ output: TrainOutputOptions) -> Checkpoint? {
    guard let resume = output.resume else { return nil }
    let folders =
      resume.checkpoint.map { [$0] }
      ?? RunDirectory.savedCheckpoints(of: output.outputPath ?? "").map(\.path)
    return folders.lazy.compactMap {
      try? Checkpoint.open($0 + "/" + RunFolderLayout.weights)
    }.first
  }
}
