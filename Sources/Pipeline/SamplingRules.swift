package import Diffusion
package import Inference
internal import Models

/// What labels and options the model of a pipeline takes.
package struct SamplingRules: Sendable {
  /// The shape of the model.
  let model: NetworkConfig
  /// How it was trained.
  package let process: DiffusionProcess
  /// Whether steps use features of earlier ones again.
  package let cache: FeatureCache
  /// Whether a weaker model guides it.
  let hasGuide: Bool
  /// The file of a scheduler that has the small variance; nil for none.
  let smallVariancePath: String?

  /// The most channels that guidance acts on. The default of 3 means all channels of a model that has fewer.
  package var guidedChannelLimit: Int { max(3, model.channelCount) }

  /// Checks labels and options.
  ///
  /// - Throws: `PipelineError` for what is out of range, or does not fit the model.
  package func check(_ labels: [Int], _ options: SamplingOptions) throws {
    let options = options.settled(for: process)
    for label in labels where !(0..<model.classCount).contains(label) {
      throw PipelineError(
        .setting,
        "class \(label) is out of range: the model has classes 0 to \(model.classCount - 1)")
    }
    guard !labels.isEmpty else { throw PipelineError(.setting, "no class to sample") }
    guard model.hasNullClass || hasGuide || !options.guidance.isActive else {
      throw PipelineError(
        .noNullClass(rows: model.classRowCount),
        "guidance \(options.guidance.scale): the model has \(model.classRowCount) classes and no null"
          + " class, which guidance needs")
    }
    try checkInputs(options)
    try checkCache(options.sampler)
    let eta = options.samplerOptions.eta
    guard (0...1).contains(eta), options.guidance.scale.isFinite else {
      throw PipelineError(.setting, "eta must be from 0 to 1, and the guidance scale a number")
    }
    if let smallVariancePath, options.sampler == .ddpm {
      throw PipelineError(
        .smallVariance,
        "'\(smallVariancePath)': variance_type is fixed_small, and the sampler ddpm takes the large one"
      )
    }
    if case .first(let count) = options.guidance.channels, count > guidedChannelLimit {
      throw PipelineError(
        .setting,
        "guidance on the first \(count) channels: the model has \(model.channelCount)")
    }
  }

  /// Checks also that the sampler fits the model and its options, as the start of a run does.
  ///
  /// - Throws: `PipelineError` for what is out of range, or does not fit the model.
  package func checkWhole(_ labels: [Int], _ options: SamplingOptions) throws {
    try check(labels, options)
    let settled = options.settled(for: process)
    do {
      _ = try settled.sampler.makeSampler(
        on: process.path, stepCount: settled.stepCount, options: settled.samplerOptions)
    } catch {
      throw PipelineError(.setting, error.message)
    }
  }

  /// Checks what has no meaning for a network of average velocities.
  private func checkInputs(_ options: SamplingOptions) throws {
    guard process.family.predictsAverages else { return }
    guard process.family.takesGuidance || !options.guidance.isActive else {
      throw PipelineError(
        .setting,
        "guidance \(options.guidance.scale): the average velocities of the model have guidance in them"
          + " since its training; choose 1")
    }
    guard !process.family.takesGuidance || options.guidance.channels == .all else {
      throw PipelineError(
        .setting,
        "guidance on some channels: the model takes guidance as an input, and it acts on all")
    }
    guard cache == .off else {
      throw PipelineError(
        .setting, "the cache \(cache): the model's few steps leave nothing to extrapolate")
    }
  }

  private func checkCache(_ sampler: SamplingMethod) throws {
    let fitting = SamplingMethod.fitting(process.path)
    // A sampler that does not fit the model at all has a message of its own.
    guard cache != .off, fitting.contains(sampler), !sampler.asksOnceAStep(on: process.path) else {
      return
    }
    let others = fitting.filter { $0.asksOnceAStep(on: process.path) }.map(\.name)
    throw PipelineError(
      .unsuitedCache,
      "the cache \(cache) is for one call of the network in each step, at times known beforehand, as in"
        + " \(others.joined(separator: ", ")), and \(sampler) makes others")
  }
}
