internal import ArgumentParser
internal import Checkpoint
internal import Diffusion
internal import Inference
internal import Models
internal import Pipeline

/// Options that choose the model, the sampler and the device: those of `SamplingSettings`, without the
/// batch size.
struct SamplingSettingsOptions: ParsableArguments {
  @OptionGroup var model: SamplingModelOptions
  @OptionGroup var recipe: SamplingRecipeOptions
  @OptionGroup(title: "Execution") var format: SamplingFormat
  @OptionGroup(title: "Execution") var execution: ExecutionOptions
  @OptionGroup var mindONE: MindONEOptions

  /// The settings.
  ///
  /// - Throws: `UsageError` for options that contradict each other.
  func settings(batchSize: Int?) throws -> SamplingSettings {
    let device = mindONE.device(execution.device)
    let checkpoint = model.ditCheckpoint ?? model.pretrainedModelPath
    var settings = SamplingSettings(
      pipeline: PipelineConfig(
        ditCheckpoint: checkpoint.flatMap { EmbeddedModel.isName($0) ? nil : $0 },
        weights: model.noEma.map { $0 ? .last : .averaged } ?? .automatic,
        guideCheckpoint: model.guideCheckpoint,
        autoencoder: model.vaeCheckpoint.map { AutoencoderChoice($0) } ?? .automatic,
        preset: model.modelName, imageSize: model.shape.imageSize, headCount: model.shape.numHeads,
        classCount: model.shape.numClasses,
        classNamesPath: model.classNames, scaleFactor: recipe.sdScaleFactor,
        latentStatsPath: recipe.latentStats,
        precision: try format.withSecondLayer(
          mindONE.precision(format.precision, device: device)),
        mode: mindONE.msMode ?? execution.chosenMode, cache: recipe.cache.value, device: device,
        allowsTF32: execution.tf32),
      options: try recipe.options(), seed: recipe.seed, batchSize: batchSize)
    settings.pipeline.family = model.family.family.family
    settings.pipeline.path = model.family.path
    settings.pipeline.prediction = model.family.prediction
    return settings
  }

  /// That an EMA is no average of its training yet.
  static func emaNotes(_ pipeline: LatentDiffusionPipeline) -> [String] {
    guard let share = pipeline.emaStartShare, share > RunRecord.largestStartShare else { return [] }
    return [
      "the EMA of this run is still to \(Int(share * 100)) % the weights from before its first step:"
        + " --no-ema takes those of its last step"
    ]
  }

  /// Options that are given and change nothing for the network of a pipeline.
  ///
  /// - Parameters:
  ///   - options: as they are given, not settled.
  ///   - pipeline: of the network.
  /// - Returns: a line for all of them; none if there are none.
  static func networkNotes(
    _ options: SamplingOptions, _ pipeline: LatentDiffusionPipeline
  ) -> [String] {
    let family = pipeline.process.family
    guard family.predictsAverages, !family.takesGuidance else { return [] }
    let unused = [
      ("--guidance-interval", options.guidance.chosenInterval != nil),
      ("--cfg-channels", options.guidance.channels != nil),
    ].filter(\.1).map(\.0)
    return unused.isEmpty
      ? []
      : [
        "\(unused.joined(separator: ", ")): changes nothing here, as the average velocities have guidance in them"
      ]
  }

  /// Options that are given and change nothing.
  func notes(_ settings: SamplingSettings) -> [String] {
    var lines = mindONE.notes
    let changed = settings.options.samplerOptions.changed
    for key in SamplerOptions.Key.allCases
    where changed[key] != nil && !settings.options.sampler.options.contains(key) {
      let names = SamplingMethod.reading(key).map(\.name).joined(separator: ", ")
      lines.append(
        "--\(OptionTable.kebab(key.rawValue)) is for \(names) and changes nothing here")
    }
    let guidance = settings.options.guidance
    for (name, isGiven) in [
      ("guidance-interval", guidance.interval != .all),
      ("guide-checkpoint", settings.pipeline.guideCheckpoint != nil),
    ] where isGiven && !guidance.isActive {
      lines.append("--\(name) changes nothing with a --guidance-scale of \(guidance.scale)")
    }
    let pipeline = settings.pipeline
    if let guide = pipeline.guideCheckpoint, guide == pipeline.ditCheckpoint,
      pipeline.weights != .last
    {
      lines.append("--guide-checkpoint is the model itself: that is no guidance")
    }
    let sampler = settings.options.sampler
    for (name, isGiven) in [
      ("sampling-steps", recipe.samplingSteps != nil), ("time-shift", recipe.timeShift != nil),
      ("timestep-spacing", recipe.timestepSpacing != nil),
    ] where isGiven && sampler.defaultStepCount == nil {
      lines.append("--\(name) changes nothing here: \(sampler) chooses its steps")
    }
    return lines
  }
}

/// Options that choose the model.
struct SamplingModelOptions: ReplacingOptions {
  static let replaced: [String: Set<String>] = [
    "dit-checkpoint": ["pretrained-model-path"], "pretrained-model-path": ["dit-checkpoint"],
  ]

  @Option(
    help: "The DiT: a file, or a folder of diffusers or dit train (default: the built-in model).",
    completion: .file())
  var ditCheckpoint: String?
  @Option(help: .hidden) var pretrainedModelPath: String?
  @Option(
    help: "Take the weights of the last step, not the EMA (default: the EMA if there is one).")
  var noEma: Bool?
  @Option(
    help: """
      A weaker DiT for the same latents and classes, which guides in place of the null class \
      (autoguidance): a smaller one, or an earlier checkpoint. Of a file with an EMA, the EMA.
      """, completion: .file())
  var guideCheckpoint: String?
  @Option(
    help:
      "The autoencoder's file or folder (also of its two halves), or none for a model that makes pixels (default: what the DiT's folder or run knows).",
    completion: .file())
  var vaeCheckpoint: String?
  @Option(help: "The published size that the checkpoint must have, DiT-XL/2 to DiT-S/8.")
  var modelName: DiTPreset?
  @OptionGroup var family: FamilyOptions
  @OptionGroup var shape: CheckpointShapeOptions
  @Option(help: "A text file of class names, line i for class i.", completion: .file())
  var classNames: String?
}

/// Options that choose the sampler.
struct SamplingRecipeOptions: ReplacingOptions {
  static let replaced: [String: Set<String>] = [
    "sampler": ["ddim-sampling"], "ddim-sampling": ["sampler"],
  ]

  @Option(
    help: """
      The sampling method (default: ddpm; heun for flows, euler for lightningdit, meanflow for its own \
      family).
      """)
  var sampler: SamplingMethod?
  @Option(help: "Use ddim (the same as --sampler ddim).") var ddimSampling: Bool?
  @Option(help: "DDIM's share of fresh noise.") var eta = 0.0
  @Option(help: "The order of unipc, 2 or 3.") var solverOrder = 2
  @Option(
    help:
      "The times of the steps (default: \(SamplingMethod.spacingText); shifted by 0.3 for lightningdit)."
  )
  var timestepSpacing: TimestepSpacing?
  @Option(help: "s of shifted times, t' = s t / (1 + (s - 1) t); chooses that spacing.")
  var timeShift: Double?
  @Option(help: "The absolute error that dopri5 allows in a step.") var atol = 1e-6
  @Option(help: "The error that dopri5 allows in a step, as a share of the latents.")
  var rtol = 1e-3
  @Option(help: "The course of the noise of euler-sde.") var diffusionForm = DiffusionForm.sigma
  @Option(help: "What the noise of euler-sde is multiplied by.") var diffusionNorm = 1.0
  @Option(help: "The last step of euler-sde.") var lastStep = LastStep.mean
  @Option(help: "The length of that step, of the whole way from noise to data.")
  var lastStepSize = 0.04
  @Option(
    help:
      "Sampling steps, 1 to 1000 (default: \(SamplingMethod.stepCountText); 249 of euler for lightningdit)."
  )
  var samplingSteps: Int?
  @Option(
    help: """
      Classifier-free guidance; 1 or less for none (default: 4; 6.7 for lightningdit; for meanflow by size \
      and steps, 4 to 10.5).
      """)
  var guidanceScale: Double?
  @Option(
    help:
      "Channels that guidance acts on: a number of the first ones, or all (default: 3; all for repa and meanflow)."
  )
  var cfgChannels: WrittenArgument<GuidedChannels>?
  @Option(
    help: """
      The times of guidance, LOW,HIGH from 0, data, to 1, noise; elsewhere a step costs half (default: \
      0,1; 0,0.875 for lightningdit; for meanflow by size and steps).
      """)
  var guidanceInterval: WrittenArgument<GuidanceInterval>?
  @Option(
    help: """
      none, or taylor:N: the transformer runs in every Nth step, and is extrapolated between, for \
      samplers with many steps.
      """)
  var cache = WrittenArgument(FeatureCache.off)
  @Option(help: "What latents were multiplied by (default: the autoencoder's own).")
  var sdScaleFactor: Double?
  @Option(
    help: """
      A file with mean and deviation of each channel of the latents, as latents_stats.pt of LightningDiT \
      (default: what the checkpoint says).
      """, completion: .file())
  var latentStats: String?
  @Option(help: "The seed of the random numbers.") var seed: UInt64 = 42

  func validate() throws {
    try Bounds.within(SamplingRange.steps).check(samplingSteps, "--sampling-steps")
    try Bounds.within(SamplingRange.eta).check(eta, "--eta")
    try Bounds.within(SamplingRange.solverOrder).check(solverOrder, "--solver-order")
    try Bounds.factors.check(timeShift, "--time-shift")
    try Bounds.within(SamplingRange.tolerance).check(atol, "--atol")
    try Bounds.within(SamplingRange.tolerance).check(rtol, "--rtol")
    try Bounds.within(SamplingRange.diffusionNorm).check(diffusionNorm, "--diffusion-norm")
    try Bounds.within(SamplingRange.lastStepSize).check(lastStepSize, "--last-step-size")
    try Bounds.within(SamplingRange.guidanceScale).check(guidanceScale, "--guidance-scale")
    try Bounds.factors.check(sdScaleFactor, "--sd-scale-factor")
  }

  /// The sampler with its options, and guidance.
  ///
  /// - Throws: `UsageError` for options that contradict each other.
  func options() throws -> SamplingOptions {
    guard sampler ?? .ddim == .ddim || ddimSampling != true else {
      throw UsageError("--sampler \(sampler ?? .ddim) contradicts --ddim-sampling")
    }
    guard timeShift == nil || timestepSpacing ?? .shifted == .shifted else {
      throw UsageError(
        "--time-shift contradicts --timestep-spacing \(timestepSpacing?.rawValue ?? "")")
    }
    guard timestepSpacing != .shifted || timeShift != nil else {
      throw UsageError("--timestep-spacing shifted needs --time-shift S")
    }
    var options = SamplerOptions(
      eta: eta, solverOrder: solverOrder,
      timestepSpacing: timeShift == nil ? timestepSpacing : .shifted)
    options.timeShift = timeShift ?? options.timeShift
    (options.atol, options.rtol) = (atol, rtol)
    (options.diffusionForm, options.diffusionNorm) = (diffusionForm, diffusionNorm)
    (options.lastStep, options.lastStepSize) = (lastStep, lastStepSize)
    return SamplingOptions(
      sampler: sampler ?? (ddimSampling == true ? .ddim : nil), stepCount: samplingSteps,
      samplerOptions: options,
      guidance: Guidance(
        scale: guidanceScale, channels: cfgChannels?.value, interval: guidanceInterval?.value))
  }
}
