internal import Checkpoint
internal import Diffusion
internal import Models

extension DiTState {
  /// Opens the weaker model of autoguidance: its EMA, if it has one.
  ///
  /// - Parameters:
  ///   - path: its file or folder.
  ///   - network: the model that it guides.
  ///   - modelPath: that model's file, for messages.
  ///   - process: how that model was trained; also the guide, if nothing in its file says otherwise.
  ///   - config: may say what the file leaves open.
  /// - Returns: the parameters of the guide.
  /// - Throws: `FileError` or `CheckpointError` for a file that cannot be read; `PipelineError` if it is
  ///   no DiT, or one for other latents or other classes, or with another meaning of its output.
  static func guide(
    _ path: String, of network: NetworkConfig, at modelPath: String,
    trainedBy process: DiffusionProcess,
    _ config: PipelineConfig
  ) throws -> DiTState {
    guard case .dit(let model) = network, !process.family.predictsAverages else {
      let reason =
        process.family.takesGuidance ? "takes guidance as an input" : "has guidance in it"
      throw PipelineError(
        .setting,
        "the guide '\(path)': '\(modelPath)' \(reason) and has no use for a guide")
    }
    let checkpoint = try Checkpoint.openModel(path)
    func open(headCount: Int? = nil, classCount: Int? = nil) throws -> DiTState {
      try DiTState(
        checkpoint, headCount: headCount, imageSize: model.inputSize, classCount: classCount
      ) { 1 }
    }
    var state = try open()
    // What is said of the model holds for a guide from the same training too.
    let isAssumed = state.headCountSource == .width
    let headCount =
      isAssumed && state.config.hiddenSize == model.hiddenSize ? config.headCount : nil
    let classCount =
      state.config.classRowCount == model.classRowCount ? config.classCount : nil
    if headCount != nil || classCount != nil {
      state = try open(headCount: headCount, classCount: classCount)
    }
    guard state.config.takes(sameAs: model) else {
      throw PipelineError(
        .setting,
        "the guide '\(path)' is for \(state.config.inputs), '\(modelPath)' for \(model.inputs)")
    }
    let own = try state.family.process(
      family: config.family, shape: config.path, prediction: config.prediction,
      learnsVariance: state.config.learnsVariance)
    guard
      state.family.source == .fallback || own.family == process.family && own.flow == process.flow
    else {
      throw PipelineError(
        .otherFamily,
        "the guide '\(path)' is \(own.meaning), '\(modelPath)' is \(process.meaning)")
    }
    return state
  }
}

extension DiffusionProcess {
  fileprivate var meaning: String {
    "of family \(family.rawValue)"
      + (flow.map { ", on the \($0.shape.rawValue) path, and predicts \($0.prediction.rawValue)" }
        ?? "")
  }
}

extension DiTConfig {
  /// Whether another model takes the same latents and classes.
  fileprivate func takes(sameAs other: DiTConfig) -> Bool {
    (inputSize, channelCount, classCount)
      == (other.inputSize, other.channelCount, other.classCount)
  }

  fileprivate var inputs: String {
    "latents of \(channelCount) x \(inputSize) x \(inputSize) and \(classCount) classes"
  }
}
