internal import Checkpoint
internal import Diffusion
internal import Models

/// The network of a checkpoint, whichever it is.
enum NetworkState {
  /// A DiT.
  case dit(DiTState)
  /// A network of improved MeanFlow.
  case meanFlow(MeanFlowState)

  /// Finds the network.
  ///
  /// - Parameters:
  ///   - checkpoint: a file or folder.
  ///   - config: what is known of the model.
  ///   - downsamplingFactor: image size over latent size, if it is known.
  /// - Throws: `PipelineError` for parameters that are not those of a known network.
  init(
    _ checkpoint: Checkpoint, _ config: PipelineConfig, downsamplingFactor: () throws -> Int?
  ) throws {
    self =
      if MeanFlowState.isFound(in: checkpoint) {
        .meanFlow(
          try MeanFlowState(
            checkpoint, headCount: config.headCount, imageSize: config.imageSize,
            classCount: config.classCount, downsamplingFactor: downsamplingFactor))
      } else {
        .dit(
          try DiTState(
            checkpoint, headCount: config.headCount, imageSize: config.imageSize,
            classCount: config.classCount, downsamplingFactor: downsamplingFactor))
      }
  }

  /// The shape.
  var config: NetworkConfig {
    switch self {
    case .dit(let state): .dit(state.config)
    case .meanFlow(let state): .meanFlow(state.config)
    }
  }

  /// What the file left open, or has besides.
  var findings: [StateFinding] {
    switch self {
    case .dit(let state): state.findings
    case .meanFlow(let state): state.findings
    }
  }

  /// The family, as far as the file tells.
  var family: FamilyFinding {
    switch self {
    case .dit(let state): state.family
    case .meanFlow(let state): state.family
    }
  }

  /// Where the number of heads comes from, in words.
  var headCountSource: String {
    switch self {
    case .dit(let state): state.headCountSource.rawValue
    case .meanFlow: "as its norms of queries say"
    }
  }

  /// The file that names another variance for `ddpm` than the one that it takes; nil if none does.
  var smallVariancePath: String? {
    switch self {
    case .dit(let state): state.smallVariancePath
    case .meanFlow: nil
    }
  }

  /// The settings that the file names for sampling; nil if there are none, or if another family is chosen.
  ///
  /// - Throws: `PipelineError` for settings that cannot be read.
  func usualSampling(
    of checkpoint: Checkpoint, _ config: PipelineConfig
  ) throws -> UsualSampling? {
    guard config.family ?? family.family == family.family else { return nil }
    return try UsualSampling(checkpoint)
  }

  /// How the network was trained, by the file and by what is chosen.
  ///
  /// - Parameters:
  ///   - config: names what is chosen.
  ///   - usual: the settings that the file names for sampling.
  /// - Returns: the process, with them.
  /// - Throws: `PipelineError` for a family, path or prediction that it cannot be of.
  func process(_ config: PipelineConfig, usual: UsualSampling?) throws -> DiffusionProcess {
    var process = try family.process(
      family: config.family, shape: config.path, prediction: config.prediction,
      learnsVariance: learnsVariance)
    if case .meanFlow(let state) = self { process.usualGuidance = state.config.usualGuidance }
    if let usual { process.usualOptions = usual.options }
    return process
  }

  private var learnsVariance: Bool {
    if case .dit(let state) = self { state.config.learnsVariance } else { false }
  }
}
