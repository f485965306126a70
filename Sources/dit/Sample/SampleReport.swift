internal import Files
internal import Diffusion
internal import Inference
internal import Pipeline
internal import Torch

/// What stands beside images: how they were made.
struct SampleReport: Encodable {
  struct Image: Encodable {
    let file: String
    let classLabel: Int
    let className: String
  }

  let ditCheckpoint: String
  let vaeCheckpoint: String
  let imageSize: Int
  let sampler: String
  let samplingSteps: Int?
  let eta: Double
  let guidanceScale: Double
  let cfgChannels: String
  let sdScaleFactor: Double
  let seed: UInt64
  let batchSize: Int
  let precision: String
  let int8Fc2: String?
  let int8Emulated: Bool?
  let mode: String
  let device: String
  let libtorch: String

  /// Of images in files of their own.
  var images: [Image]?
  var secondsPerStep: Double?
  var secondsPerImage: Double?

  /// Of images in one file: how many, and the classes that they take in turn, or "random".
  var numSamples: Int?
  var classLabels: String?

  /// The settings of a run.
  ///
  /// - Parameters:
  ///   - command: its options.
  ///   - pipeline: what was made of them.
  ///   - config: its files.
  ///   - batchSize: images at a time.
  init(
    _ command: SampleCommand, _ pipeline: LatentDiffusionPipeline, _ config: PipelineConfig,
    batchSize: Int
  ) {
    let options = command.samplingOptions
    ditCheckpoint = config.ditName
    vaeCheckpoint = config.autoencoderName
    imageSize = pipeline.imageSize
    sampler = options.sampler.name
    samplingSteps = options.stepCount
    eta = options.samplerOptions.eta
    guidanceScale = options.guidance.scale
    cfgChannels = command.cfgChannels.defaultValueDescription
    sdScaleFactor = pipeline.scaleFactor
    seed = command.seed
    self.batchSize = batchSize
    precision = pipeline.precision.name
    int8Fc2 = pipeline.precision.secondLayerName
    int8Emulated = pipeline.precision.isEmulated ? true : nil
    mode = config.mode.rawValue
    device = pipeline.device.description
    libtorch = LibTorch.version
  }

  /// JSON, what is nil left out.
  ///
  /// - Throws: if a number is none that JSON has.
  var text: String {
    get throws { try JSON.report(self) + "\n" }
  }
}
