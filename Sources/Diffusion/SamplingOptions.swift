public import Torch

/// How to sample.
public struct SamplingOptions: Sendable, Equatable {
  /// The method.
  public var sampler: SamplingMethod
  /// The number of steps: the method's default unless it is set; nil if the method chooses it on its way.
  public var stepCount: Int? {
    get { givenStepCount ?? sampler.defaultStepCount }
    set { givenStepCount = newValue }
  }
  private var givenStepCount: Int?
  /// The spacing of times: the method's own unless it is set; nil if the method chooses its times on its
  /// way.
  public var timestepSpacing: TimestepSpacing? {
    samplerOptions.timestepSpacing ?? stepCount.map { sampler.defaultSpacing(forSteps: $0) }
  }
  /// The method's options.
  public var samplerOptions: SamplerOptions
  /// Classifier-free guidance.
  public var guidance: Guidance

  /// Options with their defaults.
  public init(
    sampler: SamplingMethod = .ddpm, stepCount: Int? = nil,
    samplerOptions: SamplerOptions = SamplerOptions(), guidance: Guidance = Guidance(scale: 4)
  ) {
    self.sampler = sampler
    givenStepCount = stepCount == sampler.defaultStepCount ? nil : stepCount
    self.samplerOptions = samplerOptions
    self.guidance = guidance
  }

  /// Draws the first latents of a batch and prepares the steps from there.
  ///
  /// - Parameters:
  ///   - labels: the class of each of the N images.
  ///   - nullClass: the class that stands for none.
  ///   - shape: `[C, H, W]`, of an image's latents.
  ///   - path: what the model was trained on.
  ///   - parametrization: what its output stands for.
  ///   - noise: gives the first latents, then the noise of the steps.
  ///   - device: where the latents are.
  ///   - network: binds the network to the classes of its rows and to the times known beforehand.
  /// - Returns: steps with latents `[N, C, H, W]`.
  /// - Throws: `DiffusionError` for options that do not fit the path; `TorchError` if memory does not
  ///   suffice; what `network` throws.
  public func loop(
    labels: [Int], nullClass: Int, shape: [Int], path: any ProbabilityPath = NoiseSchedule.linear,
    parametrization: Parametrization, noise: NoiseSource, device: Device,
    network: (_ labels: [Int], _ times: [Double]) throws -> Network
  ) throws -> SamplingLoop {
    let sampler = try sampler.makeSampler(
      on: path, stepCount: stepCount, options: samplerOptions)
    let rows = guidance.batchedLabels(labels, nullClass: nullClass)
    return try withTorchErrors {
      let latents = noise.draw(
        sampleCount: labels.count, networkBatchSize: labels.count, shape: shape
      ).to(device)
      let network = try withoutGradients { try network(rows, sampler.networkTimes ?? []) }
      let guided = guidance.guided(network, channelCount: shape[0])
      return SamplingLoop(
        sampler, Predictor(guided, path: path, parametrization: parametrization), from: latents,
        noise: noise, networkBatchSize: rows.count)
    }
  }
}
