internal import Checkpoint
internal import Files
internal import Diffusion
internal import Inference
internal import Pipeline
internal import Torch

/// The record next to images: how they were made.
struct SampleReport: Encodable {
  struct Image: Encodable {
    let file: String
    let classLabel: Int
    let className: String
    /// Its place in the grid, from 1; nil if there is none.
    let gridRow: Int?
    let gridColumn: Int?
  }

  /// The command that can be given this record back.
  let command: String
  let ditCheckpoint: String
  let noEma: Bool?
  let guideCheckpoint: String?
  let vaeCheckpoint: String
  let imageSize: Int
  /// As given; nil where the checkpoint tells.
  let numHeads: Int?
  let numClasses: Int?
  let classNames: String?
  let family: ModelFamily?
  let path: FlowPath.Shape?
  let prediction: Flow.Prediction?
  /// False, or nil for the default.
  let tf32: Bool?
  let sampler: String
  let samplingSteps: Int?
  let eta: Double
  /// The order of a multistep method; nil for samplers that have no choice.
  let solverOrder: Int?
  /// The spacing of times; nil if the sampler chooses its steps itself.
  let timestepSpacing: TimestepSpacing?
  /// Options of samplers; nil for samplers that do not read them.
  let timeShift: Double?
  let atol: Double?
  let rtol: Double?
  let diffusionForm: DiffusionForm?
  let diffusionNorm: Double?
  let lastStep: LastStep?
  let lastStepSize: Double?
  let guidanceScale: Double
  let cfgChannels: String?
  /// Nil for all times, if that is the family's way.
  let guidanceInterval: String?
  let sdScaleFactor: Double
  /// Nil for what the model's file, its family or the autoencoder says.
  let latentStats: String?
  let seed: UInt64
  let batchSize: Int
  let precision: String
  let int8Fc2: String?
  let int8Emulated: Bool?
  let mode: String
  /// Nil for none.
  let cache: String?
  let device: String
  let libtorch: String

  /// For images in files of their own.
  var images: [Image]?
  var secondsPerStep: Double?
  var secondsPerImage: Double?

  /// How many images: of each label, or of a job in all. For a job also how they got their classes.
  var numSamples: Int?
  var classLabels: String?

  /// Keys that are no options, in kebab-case.
  static let keysWithoutOption: Set = [
    "command", "int8-emulated", "libtorch", "images", "seconds-per-step", "seconds-per-image",
  ]

  /// The record of a run.
  ///
  /// - Parameters:
  ///   - settings: as given.
  ///   - pipeline: made of them; it settles what they leave open.
  ///   - batchSize: images at a time.
  ///   - command: the one that can be given this record back.
  init(
    _ settings: SamplingSettings, _ pipeline: LatentDiffusionPipeline, batchSize: Int,
    of command: RecordOrigin
  ) {
    let settings = settings.settled(for: pipeline)
    let (config, options) = (settings.pipeline, settings.options)
    func read<Value>(
      _ key: SamplerOptions.Key, _ path: KeyPath<SamplerOptions, Value>
    ) -> Value? {
      options.sampler.options.contains(key) ? options.samplerOptions[keyPath: path] : nil
    }
    self.command = command.rawValue
    ditCheckpoint = config.ditCheckpoint ?? EmbeddedModel.name
    noEma = config.weights == .automatic ? nil : config.weights == .last
    guideCheckpoint = config.guideCheckpoint
    vaeCheckpoint = pipeline.autoencoder.name ?? "none"
    // For latents alone the pipeline's size is that of the latents.
    imageSize = config.imageSize ?? pipeline.imageSize
    numHeads = config.headCount
    numClasses = config.classCount
    classNames = config.classNamesPath
    family = config.family
    path = config.path
    prediction = config.prediction
    tf32 = config.allowsTF32 ? nil : false
    sampler = options.sampler.name
    samplingSteps = options.stepCount
    eta = options.samplerOptions.eta
    solverOrder = read(.solverOrder, \.solverOrder)
    timestepSpacing = options.timestepSpacing
    timeShift = timestepSpacing == .shifted ? options.samplerOptions.timeShift : nil
    atol = read(.atol, \.atol)
    rtol = read(.rtol, \.rtol)
    diffusionForm = read(.diffusionForm, \.diffusionForm)
    diffusionNorm = read(.diffusionNorm, \.diffusionNorm)
    lastStep = read(.lastStep, \.lastStep)
    lastStepSize = read(.lastStepSize, \.lastStepSize)
    guidanceScale = options.guidance.scale
    cfgChannels = options.guidance.channels?.description
    let isUsual = options.guidance.interval == .all && options.family.guidanceInterval == .all
    guidanceInterval = isUsual ? nil : options.guidance.interval.description
    sdScaleFactor = pipeline.scaleFactor
    latentStats = config.latentStatsPath
    seed = settings.seed
    self.batchSize = batchSize
    precision = pipeline.precision.name
    int8Fc2 = pipeline.precision.secondLayerName
    int8Emulated = pipeline.precision.isEmulated ? true : nil
    mode = config.mode.rawValue
    cache = config.cache == .off ? nil : config.cache.description
    device = pipeline.device.description
    libtorch = LibTorch.version
  }

  /// The record as JSON, without what is nil.
  var text: String {
    get throws { try JSON.report(self) + "\n" }
  }
}
