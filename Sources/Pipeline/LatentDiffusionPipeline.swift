internal import Checkpoint
public import Diffusion
public import ImageData
public import Inference
public import Logging
public import Models
public import Torch

// N images, C channels, h w latents.

/// Turns class labels into images: a DiT, a sampler and an autoencoder.
///
/// Source: Peebles & Xie 2023, section 4. Random numbers are drawn in the order of the published code,
/// so a seed gives the same image.
public final class LatentDiffusionPipeline {
  /// The shape of the network.
  public let model: NetworkConfig
  /// How the DiT was trained: what its times and outputs mean.
  public let process: DiffusionProcess
  /// The classes and their names.
  public let classNames: ClassNames
  /// The device of the model.
  public let device: Device
  /// The number format, never `auto`.
  public let precision: Precision
  /// What is done to the autoencoder's latents before the DiT sees them.
  public var scaling: LatentScaling { decoder.scaling }
  /// What latents are multiplied by before the DiT sees them.
  public var scaleFactor: Double { scaling.factor }
  /// The factor that goes with the autoencoder itself; nil without one.
  var ownAutoencoderFactor: Double? { decoder.autoencoder?.defaultScaleFactor }
  /// Height and width of images in pixels; of the latents if no autoencoder makes images of them.
  public let imageSize: Int
  /// The autoencoder, with `automatic` settled by what the DiT's file or folder knows.
  public let autoencoder: AutoencoderChoice
  /// Whether `decode` gives images. A model of latents without an autoencoder gives latents alone.
  public var makesImages: Bool { decoder.autoencoder != nil || model.channelCount == 3 }
  /// For the EMA of a training run, how much of it is still the weights from before the first step, 0
  /// ... 1; nil for other weights, and if the run does not say.
  public let emaStartShare: Double?
  /// The paths of the weights' files, by the setting that names them; empty for what is built in.
  package let weightPaths: [String: [String]]

  /// The shape of the weaker model that guides the DiT; nil if the null class does.
  public var guideModel: DiTConfig? { guide?.config }

  private let cache: FeatureCache
  private let network: SampledNetwork
  private let guide: (config: DiTConfig, network: DeferredNetwork<any DiTRunner>)?
  private let decoder: LatentDecoder
  /// What labels and options the model takes.
  package let rules: SamplingRules

  /// Opens the files and checks that they fit together; weights are read with the first batch.
  ///
  /// - Parameters:
  ///   - config: the files and how to run them.
  ///   - device: where to run; nil to open the one that `config` names.
  ///   - logger: told what was found and chosen.
  /// - Throws: `FileError`, `CheckpointError` or `PipelineError` with what is wrong, and where;
  ///   `TorchError` if the device fails.
  public init(_ config: PipelineConfig, on device: Device? = nil, logger: Logger? = nil) throws {
    let device = try device ?? config.openDevice()
    precision = try DeviceSelection.settledPrecision(config.precision, in: config.mode, on: device)
    let checkpoint = try LatentDiffusionPipeline.checkpoint(config)
    emaStartShare = RunRecord.startShare(of: checkpoint.path)
    var opened: ChosenAutoencoder?
    func open() throws -> ChosenAutoencoder {
      let result = try opened ?? ChosenAutoencoder(config, for: checkpoint)
      opened = result
      return result
    }
    let state = try NetworkState(checkpoint, config) { try open().state?.downsamplingFactor }
    let model = state.config
    let usual = try state.usualSampling(of: checkpoint, config)
    process = try state.process(config, usual: usual)
    let dtype = DeviceSelection.autoencoderType(precision, on: device)
    let chosen = try open()
    let autoencoder = try chosen.decoder(
      channelCount: model.channelCount, of: checkpoint.path, mode: config.mode, dtype: dtype,
      device: device)
    self.autoencoder = chosen.choice
    imageSize = model.inputSize * (autoencoder?.downsamplingFactor ?? 1)
    let isLatent = autoencoder == nil && model.channelCount != 3
    try LatentDiffusionPipeline.check(
      config, model, imageSize: isLatent ? nil : imageSize, path: checkpoint.path)
    classNames = try ClassNames(
      count: model.classCount, metadata: checkpoint.metadata, path: config.classNamesPath,
      examples: usual?.classLabels)
    let scaling = try ChosenScaling(
      config, for: checkpoint, channelCount: model.channelCount, family: process.family, chosen)
    decoder = LatentDecoder(autoencoder, scaling: scaling.scaling, dtype: dtype)
    self.device = device
    self.model = model
    cache = config.cache
    network = SampledNetwork(state, precision, in: config.mode, on: device)
    let guideState = try config.guideCheckpoint.map { [process] in
      try DiTState.guide($0, of: model, at: checkpoint.path, trainedBy: process, config)
    }
    rules = SamplingRules(
      model: model, process: process, cache: config.cache, hasGuide: guideState != nil,
      smallVariancePath: state.smallVariancePath)
    weightPaths = [
      "dit_checkpoint": checkpoint.filePaths, "guide_checkpoint": guideState?.filePaths,
      "vae_checkpoint": chosen.filePaths, "latent_stats": config.latentStatsPath.map { [$0] },
    ].compactMapValues { $0 }
    guide = guideState.map { [precision] state in
      (
        state.config,
        DeferredNetwork { try state.makeRunner(precision, in: config.mode, on: device) }
      )
    }
    if let logger {
      for finding in guideState?.findings ?? [] { logger.info("guide: \(finding)") }
      log(checkpoint, state, scaling, to: logger)
      for finding in chosen.state?.findings ?? [] { logger.info("\(finding)") }
      if config.ditCheckpoint != nil {
        logFamily(state.family, to: logger)
        if process.usualOptions != SamplingOptions() {
          logger.info("sampled as its file says where nothing else is chosen")
        }
      }
      if let path = chosen.ownPath {
        logger.info("the autoencoder is '\(path)', as the training run noted")
      }
      // What is built in belongs together; its autoencoder was rounded after the training.
      if let warning = chosen.warning, config.ditCheckpoint != nil {
        logger.warning("\(warning)")
      }
    }
  }

  private func log(
    _ checkpoint: Checkpoint, _ state: NetworkState, _ scaling: ChosenScaling, to logger: Logger
  ) {
    for note in checkpoint.notes { logger.info("\(note)") }
    for finding in state.findings { logger.info("\(finding)") }
    if let note = classNames.unusedNote { logger.warning("\(note)") }
    logger.info("\(model.headCount) attention heads, \(state.headCountSource)")
    if precision.isEmulated {
      logger.warning(
        "int8 is computed in float32, as DIT_EMULATE_INT8 asks: the results hold, the speed does not"
      )
    }
    if precision == .bf16, DeviceSelection.lacksBFloat16(device) {
      logger.warning("this processor does not multiply bf16 in hardware: fp32 is faster here")
    }
    if decoder.autoencoder != nil {
      PipelineConfig.scaleNote(scaleFactor, own: scaling.ownFactor).map { logger.warning("\($0)") }
      if let source = scaling.source {
        logger.info("latents are normalized by channel, by statistics \(source)")
      }
    }
  }

  /// Says what a flow is taken for, and by what.
  private func logFamily(_ found: FamilyFinding, to logger: Logger) {
    if let flow = process.flow {
      let isFound = process.family == found.family && flow == found.flow
      let other =
        found.source == .fallback || process.family == found.family
        ? "" : "; it would be \(found.family.rawValue), \(found.source.rawValue)"
      let source = isFound ? found.source.rawValue : "as chosen" + other
      let text =
        "family \(process.family.rawValue), a flow on the \(flow.shape.rawValue) path that predicts"
        + " \(flow.prediction.rawValue), \(source)"
      logger.info("\(text)")
    } else if found.source == .fallback {
      logger.info("family dit, \(found.source.rawValue)")
    } else if found.family.isFlow {
      let text =
        "taken for family \(process.family.rawValue), as chosen; it would be"
        + " \(found.family.rawValue), \(found.source.rawValue)"
      logger.warning("\(text)")
    }
  }

  private static func checkpoint(_ config: PipelineConfig) throws -> Checkpoint {
    if let path = config.ditCheckpoint {
      return try Checkpoint.openModel(path, weights: config.weights)
    }
    guard config.weights != .last else {
      throw PipelineError(
        .setting, "the built-in model has only its EMA, not the weights of its last step")
    }
    return try EmbeddedModel.checkpoint()
  }

  private static func check(
    _ config: PipelineConfig, _ model: NetworkConfig, imageSize: Int?, path: String
  ) throws {
    if let wanted = config.imageSize, let imageSize, wanted != imageSize {
      let step = imageSize / model.gridSize
      let multiple =
        wanted > 0 && wanted.isMultiple(of: step)
        ? "" : " (which is no multiple of autoencoder factor x patch size, \(step))"
      throw PipelineError(
        .setting,
        "image size \(wanted)\(multiple): '\(path)' makes images of \(imageSize) x \(imageSize)"
          + " pixels")
    }
    if let preset = config.preset {
      let expected = preset.size
      guard case .dit = model, expected.hiddenSize == model.hiddenSize,
        expected.depth == model.depth, preset.patchSize == model.patchSize
      else {
        throw PipelineError(
          .setting,
          "'\(path)' is no \(preset.rawValue): width \(model.hiddenSize), depth \(model.depth),"
            + " patch size \(model.patchSize), not \(expected.hiddenSize), \(expected.depth),"
            + " \(preset.patchSize)")
      }
    }
  }

  /// Reads the weights, which otherwise happens with the first batch.
  ///
  /// - Throws: `PipelineError` if they do not suit the precision; `FileError`; `TorchError` if memory does
  ///   not suffice.
  public func loadWeights() throws {
    try network.load()
    _ = try guide?.network.runner()
  }

  /// A random number generator on the pipeline's device.
  ///
  /// - Throws: `TorchError` if the device fails.
  public func makeGenerator(seed: UInt64) throws -> Generator {
    try Generator(seed: seed, device: device)
  }

  /// Prepares the steps from noise to latents; the caller takes them.
  ///
  /// - Parameters:
  ///   - labels: the class of each of the N images.
  ///   - options: how to sample.
  ///   - generator: goes on from batch to batch.
  /// - Returns: steps with latents `[N, C, h, w]`.
  /// - Throws: `PipelineError` for a class or option out of range; `TorchError` if memory does not
  ///   suffice.
  public func samplingLoop(
    labels: [Int], options: SamplingOptions, generator: Generator
  ) throws -> SamplingLoop {
    try samplingLoop(labels: labels, options: options, noise: .perBatch(generator))
  }

  /// Prepares the steps from noise to latents, with random numbers from any source.
  ///
  /// - Throws: `PipelineError` for a class or option out of range; `TorchError` if memory does not
  ///   suffice.
  public func samplingLoop(
    labels: [Int], options: SamplingOptions, noise: NoiseSource
  ) throws -> SamplingLoop {
    try rules.check(labels, options)
    switch network {
    case .dit(let network) where process.family.predictsAverages:
      let dit = try network.runner()
      return try averageLoop(labels, options, noise) { labels, _ in dit.bindAverage(labels: labels)
      }
    case .dit(let network):
      let dit = try network.runner()
      let isGuided = options.settled(for: process).guidance.isActive
      let guide = isGuided ? try guide?.network.runner() : nil
      return try samplingLoop(
        labels, options, noise,
        guide: guide.map { [cache] guide in
          { guide.bind(labels: $0, times: $1, cache: cache) }
        },
        network: { [cache] in dit.bind(labels: $0, times: $1, cache: cache) })
    case .meanFlow(let network):
      return try averageLoop(labels, options, noise, try network.runner().average)
    }
  }

  /// Prepares the steps with a network of average velocities.
  private func averageLoop(
    _ labels: [Int], _ options: SamplingOptions, _ noise: NoiseSource,
    _ average: @escaping SamplingOptions.AverageBinding
  ) throws -> SamplingLoop {
    try settingErrors {
      try options.loop(
        labels: labels, shape: latentShape, process: process, noise: noise, device: device,
        average: average)
    }
  }

  /// Prepares the steps with any networks.
  func samplingLoop(
    _ labels: [Int], _ options: SamplingOptions, _ noise: NoiseSource,
    guide: SamplingOptions.NetworkBinding? = nil,
    network: @escaping SamplingOptions.NetworkBinding
  ) throws -> SamplingLoop {
    try settingErrors {
      try options.loop(
        labels: labels, nullClass: model.classCount, shape: latentShape, process: process,
        noise: noise, device: device, guide: guide, network: network)
    }
  }

  /// `[C, h, w]`, of an image's latents.
  private var latentShape: [Int] { [model.channelCount, model.inputSize, model.inputSize] }

  /// Calls `body`; options that do not fit the model are settings at fault.
  private func settingErrors<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as DiffusionError {
      throw PipelineError(.setting, error.message)
    }
  }

  /// Decodes latents, as they leave the sampler, one image at a time.
  ///
  /// - Parameters:
  ///   - latents: `[N, C, h, w]`
  ///   - check: called before each image and while it is decoded; throws to stop.
  /// - Returns: N images.
  /// - Throws: `PipelineError` for latents that are not finite, or without an autoencoder for them;
  ///   `TorchError` if memory does not suffice; what `check` throws.
  public func decode(_ latents: Tensor, check: () throws -> Void = {}) throws -> [RGBImage] {
    try requireImages()
    try requireFinite(latents)
    return try withTorchErrors { try decoder.images(of: latents, check: check) }
  }

  /// Checks that `decode` gives images.
  ///
  /// - Throws: `PipelineError` for a model of latents without an autoencoder.
  public func requireImages() throws {
    guard makesImages else {
      throw PipelineError(
        .missingAutoencoder, "the model makes latents of \(model.channelCount) channels, not pixels"
      )
    }
  }

  /// Checks that latents are sound.
  ///
  /// - Throws: `PipelineError` for latents that are not finite; `TorchError`.
  public func requireFinite(_ latents: Tensor) throws {
    let isSound = try withTorchErrors { latents.isFinite.allTrue }
    guard isSound else {
      throw PipelineError(
        .nonFiniteLatents,
        "the model gives latents that are not finite in precision \(precision.name)")
    }
  }
}
