internal import ArgumentParser
internal import Checkpoint
internal import Models
internal import Pipeline

extension UsualSampling {
  /// The settings of `--sampling`; nil without it.
  ///
  /// - Throws: `UsageError` for a target or a source without a place for them, or other settings in the file;
  ///   `PipelineError` for a class that the model has not.
  init?(_ command: ConvertCommand, of content: CheckpointContent, _ source: Checkpoint) throws {
    guard let path = command.sampling else { return nil }
    guard command.format != .diffusers else {
      throw UsageError("--sampling is for a file; a folder of diffusers has no place for it")
    }
    let classCount: Int
    switch content {
    case .dit(let dit): classCount = dit.config.classCount
    case .meanFlow(let network): classCount = network.config.classCount
    case .autoencoder, .other:
      throw UsageError("--sampling: '\(source.path)' is an autoencoder, which does not sample")
    }
    let settings = try ConfigurationFile(path).settings(OptionTable(SampleCommand.self)) {
      do {
        _ = try SampleCommand.parse($0)
        return nil
      } catch {
        return SampleCommand.message(for: error)
      }
    }
    let known = Set(UsualSampling.settings.map(OptionTable.kebab))
    if let other = settings.first(where: { !known.contains($0.name) }) {
      throw UsageError(
        "--sampling: '\(path)', line \(other.line): '\(other.key)' is no property of a model; a file can say"
          + " \(UsualSampling.settings.joined(separator: ", "))")
    }
    let sample = try SampleCommand.parse(settings.map(\.argument))
    self.init(try sample.sampling.recipe.options(), classLabels: sample.classLabels?.text)
    _ = try ClassNames(count: classCount, metadata: source.metadata, examples: classLabels)
  }
}
