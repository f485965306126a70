public import Torch

/// How to sample.
public struct SamplingOptions: Sendable, Equatable {
  /// The method: the family's own unless it is set.
  public var sampler: SamplingMethod {
    get { chosenSampler ?? family.defaultSampler }
    set { chosenSampler = newValue }
  }
  /// The method that is set; nil for the family's own.
  public private(set) var chosenSampler: SamplingMethod?
  /// The family whose defaults hold where nothing is set.
  public private(set) var family = ModelFamily.dit
  /// The number of steps: the family's or the method's default unless it is set; nil if the method chooses
  /// it on its way.
  public var stepCount: Int? {
    get {
      sampler.defaultStepCount.map {
        chosenStepCount ?? family.defaultStepCount(of: sampler) ?? $0
      }
    }
    set { chosenStepCount = newValue }
  }
  /// The number of steps that is set; nil for the method's default.
  public private(set) var chosenStepCount: Int?
  /// The spacing of times: the method's own unless it is set; nil if the method chooses its times on its
  /// way.
  public var timestepSpacing: TimestepSpacing? {
    samplerOptions.timestepSpacing
      ?? stepCount.map { sampler.defaultSpacing(forSteps: $0, onFlow: family.isFlow) }
  }
  /// The method's options.
  public var samplerOptions: SamplerOptions
  /// Classifier-free guidance.
  public var guidance: Guidance

  /// Options with their defaults.
  public init(
    sampler: SamplingMethod? = nil, stepCount: Int? = nil,
    samplerOptions: SamplerOptions = SamplerOptions(), guidance: Guidance = Guidance()
  ) {
    chosenSampler = sampler
    chosenStepCount = stepCount
    self.samplerOptions = samplerOptions
    self.guidance = guidance
  }

  /// The same options, with what is not set as is usual for a model, else as its family has it. The usual
  /// number of steps is that of the usual sampler alone.
  public func settled(for process: DiffusionProcess) -> SamplingOptions {
    let usual = process.usualOptions
    var chosen = self
    chosen.chosenSampler = chosenSampler ?? usual.chosenSampler
    chosen.family = process.family
    if chosen.sampler == usual.chosenSampler ?? process.family.defaultSampler {
      chosen.chosenStepCount = chosenStepCount ?? usual.chosenStepCount
    }
    chosen.guidance = guidance.filled(from: usual.guidance)
    return chosen.settled(for: process.family) { process.usualGuidance(forSteps: $0) }
  }

  /// The same options, with what is not set as a family has it.
  public func settled(for family: ModelFamily) -> SamplingOptions {
    settled(for: family) { _ in nil }
  }

  private func settled(
    for family: ModelFamily, _ usual: (_ stepCount: Int?) -> UsualGuidance?
  ) -> SamplingOptions {
    var settled = self
    settled.family = family
    settled.chosenSampler = settled.sampler
    settled.chosenStepCount = settled.stepCount
    if samplerOptions.timestepSpacing == nil,
      let shift = family.timeShift(of: settled.sampler)
    {
      settled.samplerOptions.timestepSpacing = .shifted
      settled.samplerOptions.timeShift = shift
    }
    settled.guidance = guidance.settled(for: family, usual(settled.stepCount))
    return settled
  }

  /// Draws the first latents of a batch and prepares the steps from there.
  ///
  /// - Parameters:
  ///   - labels: the class of each of the N images.
  ///   - nullClass: the class that stands for none.
  ///   - shape: `[C, H, W]`, of an image's latents.
  ///   - process: how the model was trained.
  ///   - noise: gives the first latents, then the noise of the steps.
  ///   - device: where the latents are.
  ///   - guide: binds a weaker network likewise, which guides in place of the null class; nil for none.
  ///   - network: binds the network to the classes of its rows and to the times known beforehand. With
  ///     guidance it is asked for all rows in the interval, and for the N conditional ones elsewhere.
  /// - Returns: steps with latents `[N, C, H, W]`.
  /// - Throws: `DiffusionError` for options that do not fit the path; `TorchError` if memory does not
  ///   suffice; what `network` throws.
  public func loop(
    labels: [Int], nullClass: Int, shape: [Int], process: DiffusionProcess, noise: NoiseSource,
    device: Device, guide: NetworkBinding? = nil, network: @escaping NetworkBinding
  ) throws -> SamplingLoop {
    let guidance = settled(for: process).guidance
    let path = process.path
    let guide = guidance.isActive ? guide : nil
    return try loop(labels, shape, process, noise, device) { labels, times in
      let rows = guide == nil ? guidance.batchedLabels(labels, nullClass: nullClass) : labels
      let network = try withoutGradients { try network(rows, times) }
      let guideNetwork = try withoutGradients {
        try guide?(rows, times.filter { guidance.interval.contains(path.position(of: $0)) })
      }
      return Predictor(
        guidance.guided(network, by: guideNetwork, channelCount: shape[0]),
        during: guidance.interval, otherwise: network, path: path,
        parametrization: process.parametrization)
    }
  }

  /// Draws the first latents of a batch and prepares the steps from there, with a network of average
  /// velocities.
  ///
  /// - Parameters:
  ///   - labels: the class of each of the N images.
  ///   - shape: `[C, H, W]`, of an image's latents.
  ///   - process: how the model was trained.
  ///   - noise: gives the first latents, then the noise of the steps.
  ///   - device: where the latents are.
  ///   - average: binds the network to classes and guidance.
  /// - Returns: steps with latents `[N, C, H, W]`.
  /// - Throws: `DiffusionError` for options that do not fit the path; `TorchError` if memory does not
  ///   suffice; what `average` throws.
  public func loop(
    labels: [Int], shape: [Int], process: DiffusionProcess, noise: NoiseSource, device: Device,
    average: @escaping AverageBinding
  ) throws -> SamplingLoop {
    let guidance = settled(for: process).guidance
    return try loop(labels, shape, process, noise, device) { labels, _ in
      Predictor(
        average: try withoutGradients { try average(labels, guidance) }, path: process.path)
    }
  }

  // `predictor` binds the networks to some of the images, for the times that are left.
  private func loop(
    _ labels: [Int], _ shape: [Int], _ process: DiffusionProcess, _ noise: NoiseSource,
    _ device: Device, predictor: @escaping (_ labels: [Int], _ times: [Double]) throws -> Predictor
  ) throws -> SamplingLoop {
    let settled = settled(for: process)
    let sampler = try settled.sampler.makeSampler(
      on: process.path, stepCount: settled.stepCount, options: settled.samplerOptions)
    return try withTorchErrors {
      let latents = noise.draw(
        sampleCount: labels.count, networkBatchSize: labels.count, shape: shape
      ).to(device)
      let family = process.family
      let noiseRows = settled.guidance.isActive ? family.noiseRowsPerImage : 1
      let loop = SamplingLoop(
        sampler, try predictor(labels, sampler.networkTimes ?? []), from: latents, noise: noise,
        networkBatchSize: labels.count * noiseRows, noiseType: family.noiseType)
      loop.binding = (labels, predictor)
      return loop
    }
  }

  /// Binds a network to the class of each of its rows and to the times known beforehand.
  public typealias NetworkBinding = (_ labels: [Int], _ times: [Double]) throws -> Network

  /// Binds a network of average velocities to the class of each image and to guidance, which is settled.
  public typealias AverageBinding = (
    _ labels: [Int], _ guidance: Guidance
  ) throws -> AverageNetwork
}
