internal import ArgumentParser
internal import Checkpoint
internal import Diffusion
internal import Models
internal import Pipeline

extension UsualSampling {
  /// The settings of `--sampling`; nil without it.
  ///
  /// - Parameters:
  ///   - command: names the file.
  ///   - content: the model.
  ///   - source: its checkpoint.
  ///   - process: says how a model of a family was trained.
  /// - Throws: `UsageError` for a target or a source without a place for them, or other settings in the file;
  ///   `PipelineError` for what the model cannot do, and for a class that it has not.
  init?(
    _ command: ConvertCommand, of content: CheckpointContent, _ source: Checkpoint,
    process: (FamilyFinding, _ learnsVariance: Bool) throws -> DiffusionProcess
  ) throws {
    guard let path = command.sampling else { return nil }
    guard command.format != .diffusers else {
      throw UsageError("--sampling is for a file; a folder of diffusers has no place for it")
    }
    let model: NetworkConfig
    let trained: DiffusionProcess
    switch content {
    case .dit(let dit):
      model = .dit(dit.config)
      trained = try process(dit.family, dit.config.learnsVariance)
    case .meanFlow(let network):
      model = .meanFlow(network.config)
      trained = try process(network.family, false)
    case .autoencoder, .other:
      throw UsageError("--sampling: '\(source.path)' is an autoencoder, which does not sample")
    }
    let settings = try ConfigurationFile(path).settings(
      OptionTable(SampleCommand.self), check: SampleCommand.fault(of:))
    let known = Set(UsualSampling.settings.map(OptionTable.kebab))
    if let other = settings.first(where: { !known.contains($0.name) }) {
      throw UsageError(
        "--sampling: '\(path)', line \(other.line): '\(other.key)' is no property of a model; a file can say"
          + " \(UsualSampling.settings.joined(separator: ", "))")
    }
    let sample = try SampleCommand.parse(settings.map(\.argument))
    self.init(try sample.sampling.recipe.options(), classLabels: sample.classLabels?.text)
    try check(
      model, trained,
      ClassNames(count: model.classCount, metadata: source.metadata, examples: classLabels))
  }
}
