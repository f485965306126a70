internal import Checkpoint
internal import Diffusion
package import Models

/// What is done to latents between a model and its autoencoder, by what is configured and by what the
/// files know.
struct ChosenScaling {
  /// With the factor that is configured, if one is.
  let scaling: LatentScaling
  /// The factor unless another is configured.
  let ownFactor: Double
  /// Where statistics come from, in words; nil for a factor alone.
  let source: String?

  /// Chooses: the configured file, else the model's metadata, else what the family's code has, else the
  /// run's autoencoder or its own factor.
  ///
  /// - Parameters:
  ///   - config: names a file of statistics and a factor, or neither.
  ///   - dit: the model's file.
  ///   - channelCount: of the model.
  ///   - family: of the model.
  ///   - autoencoder: the autoencoder, open.
  /// - Throws: `PipelineError` if statistics are of another model, or are needed and missing; what reading
  ///   throws.
  init(
    _ config: PipelineConfig, for dit: Checkpoint, channelCount: Int, family: ModelFamily,
    _ autoencoder: ChosenAutoencoder
  ) throws {
    var own: LatentScaling
    if let path = config.latentStatsPath {
      guard channelCount != 3 || autoencoder.state != nil else {
        throw PipelineError(
          .setting, "'\(path)': '\(dit.path)' makes pixels, which have no statistics of latents")
      }
      guard config.ditCheckpoint != nil else {
        throw PipelineError(
          .setting, "'\(path)': the latents of the built-in model have no statistics")
      }
      let statistics = try LatentStatistics(readFrom: path)
      try statistics.check(channelCount: channelCount, of: path, for: dit.path)
      (own, source) = (LatentScaling(statistics: statistics), "from '\(path)'")
    } else if let statistics = try LatentStatistics(dit, channelCount: channelCount) {
      (own, source) = (LatentScaling(statistics: statistics), "from the file's metadata")
    } else if let scaling = family.latentScaling, autoencoder.isOfUnknownRun,
      scaling.statistics.means.count == channelCount
    {
      (own, source) = (scaling, "those of the family \(family.rawValue)")
      if let state = autoencoder.state {
        own.statistics = state.statistics(own.statistics, ofKind: AutoencoderState.largeKind)
      }
    } else {
      own = autoencoder.scaling
      let isRun = !own.statistics.areNeutral
      source = isRun ? "as the training run noted" : nil
      if isRun { try own.statistics.check(channelCount: channelCount, of: dit.path) }
      if let state = autoencoder.state, !isRun, state.statistics.areNeutral,
        config.scaleFactor == nil, family.hasLatentStatistics, autoencoder.isOfUnknownRun
      {
        throw PipelineError(
          .missingStatistics,
          "'\(dit.path)' is of the family \(family.rawValue), whose latents are normalized by channel, and"
            + " their statistics are missing")
      }
    }
    // The autoencoder takes off its own.
    if let state = autoencoder.state, source != nil, !state.statistics.areNeutral {
      guard own.statistics == state.statistics else {
        throw PipelineError(
          .unusable,
          "the autoencoder's file has statistics of its latents, others than those \(source ?? "");"
            + " they do not belong together")
      }
      own.statistics = LatentStatistics()
    }
    let factor = config.scaleFactor ?? own.factor
    guard factor.isFinite, factor > 0 else {
      throw PipelineError(.setting, "scale factor \(factor): must be above 0")
    }
    ownFactor = own.factor
    own.factor = factor
    scaling = own
  }
}

extension AutoencoderState {
  /// Mean and deviation of the latents, which the model takes off itself.
  package var statistics: LatentStatistics {
    switch config {
    case .kl(let config): config.statistics
    case .tiny(let config): config.statistics
    }
  }
}
