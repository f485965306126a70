internal import Checkpoint
internal import Diffusion
public import Models
internal import Pipeline

/// The model that a run starts from: a DiT in any known format and dialect of names.
public struct PretrainedModel {
  /// The checkpoint's file or folder.
  public let path: String
  /// The weights; nil for a resumed run, whose own checkpoint has them.
  public let weights: PretrainedWeights?
  /// The shape of the model.
  public let config: DiTConfig
  /// The family of the checkpoint, as far as it tells.
  let family: FamilyFinding
  /// What was done to the latents that it was trained on, if statistics were taken off.
  let scaling: LatentScaling?
  /// Whether the models of its family have statistics of latents, and nothing is known of its training.
  let needsStatistics: Bool
  /// The checkpoint's metadata, with the class names.
  public let metadata: [String: String]

  /// Opens the pretrained model of a run; nil if it has none.
  ///
  /// A resumed run does not need it any more: the shape of its model is read off a checkpoint of its
  /// own, if this process finds one.
  ///
  /// - Parameters:
  ///   - settings: the run.
  ///   - imageSize: height and width of images in pixels.
  ///   - note: called with findings about the checkpoint.
  /// - Throws: `CheckpointError`; `PipelineError` if it is no DiT.
  init?(_ settings: TrainingSettings, imageSize: Int, note: (String) throws -> Void) throws {
    guard let pretrainedPath = settings.model.pretrainedPath else { return nil }
    let own = PretrainedModel.ownCheckpoint(settings.output)
    let checkpoint =
      try own
      ?? PretrainedModel.start(pretrainedPath, settings.model.pretrainedWeights, note: note)
    let state = try DiTState(
      checkpoint, headCount: settings.model.headCount, imageSize: imageSize)
    path = checkpoint.path
    weights =
      own == nil
      ? PretrainedWeights(
        path: checkpoint.path, tensors: state.tensors,
        classNames: ClassNameList.decode(checkpoint.metadata),
        hasNullClass: state.config.hasNullClass) : nil
    config = state.config
    family = state.family
    metadata = checkpoint.metadata
    let trained = RunAutoencoder(metadata: checkpoint.metadata)
    scaling = try state.scaling
    needsStatistics = trained == nil && state.family.family.hasLatentStatistics
    try (checkpoint.notes.map(\.description) + state.findings.map(\.description)).forEach(note)
  }

  /// That training gives the network's times and outputs another meaning; nil if it does not, or if
  /// the file does not tell.
  func change(to objective: TrainingObjective) -> String? {
    let now = objective.process(learnsVariance: config.learnsVariance)
    let isSame =
      now.flow == nil
      ? family.family == now.family
      : now.flow == family.flow && family.family.isFlow
        && family.family.direction == now.family.direction
    guard !isSame, weights != nil else { return nil }
    func text(_ family: ModelFamily, _ flow: Flow?) -> String {
      guard family.isFlow, let flow else { return "family \(family.rawValue)" }
      return "family \(family.rawValue) (\(flow.shape.rawValue), \(flow.prediction.rawValue))"
    }
    return
      "starts from a model of \(text(family.family, family.flow)), \(family.source.rawValue), and"
      + " trains \(text(now.family, now.flow)): it learns its times and outputs anew"
  }

  /// The weights that training starts from.
  private static func start(
    _ path: String, _ weights: WeightSet?, note: (String) throws -> Void
  ) throws -> Checkpoint {
    let checkpoint = try Checkpoint.openModel(path, weights: weights ?? .automatic)
    guard weights == nil, checkpoint.path != path,
      let share = RunRecord.startShare(of: checkpoint.path), share > RunRecord.largestStartShare
    else { return checkpoint }
    let last = try Checkpoint.openModel(path, weights: .last)
    try note(
      "starts from '\(last.path)': the EMA of that run is still to \(Int(share * 100)) % the weights"
        + " from before its first step")
    return last
  }

  /// The weights of a checkpoint of the resumed run; nil if none can be read.
  private static func ownCheckpoint(_ output: TrainingSettings.OutputSettings) -> Checkpoint? {
    let folders: [String]
    switch output.resumption {
    case nil: return nil
    case .checkpoint(let path): folders = [path]
    case .newest: folders = RunDirectory.savedCheckpoints(of: output.path).map(\.path)
    }
    return folders.lazy.compactMap { try? Checkpoint.open($0 + "/" + RunFolderLayout.weights) }
      .first
  }
}
