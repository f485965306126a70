public import Checkpoint
public import Diffusion
public import Inference
public import Models
public import Torch

/// Where the autoencoder comes from.
public enum AutoencoderChoice: Sendable, Equatable {
  /// The autoencoder in the DiT's folder, if it holds a whole pipeline; the built-in one for the built-in
  /// model; none for a model of 3 channels. Any other model needs a file.
  case automatic
  /// The model makes pixels.
  case none
  /// The built-in autoencoder.
  case embedded
  /// A file, or the folder of a pipeline or model.
  case file(String)
}

/// The files of a `LatentDiffusionPipeline`, and how it runs.
public struct PipelineConfig: Sendable, Equatable {
  /// The DiT's checkpoint, a file or folder; nil for the built-in model.
  public var ditCheckpoint: String?
  /// Which weights to take from a checkpoint with an EMA.
  public var weights: WeightSet
  /// The checkpoint of a weaker model, which guides the DiT in place of the null class; nil for none. Of
  /// a file with an EMA it is the EMA.
  public var guideCheckpoint: String?
  /// The autoencoder.
  public var autoencoder: AutoencoderChoice
  /// The published size that the checkpoint must have; nil for any.
  public var preset: DiTPreset?
  /// Height and width in pixels that the checkpoint must be for; nil for any.
  public var imageSize: Int?
  /// Attention heads, for a model whose file and size do not tell.
  public var headCount: Int?
  /// Classes without the null class, for a model whose class table has no row for it.
  public var classCount: Int?
  /// What the model's times and outputs mean; nil for what its file tells.
  public var family: ModelFamily?
  /// The path of a flow; nil for what its file tells.
  public var path: FlowPath.Shape?
  /// What a flow predicts; nil for what its file tells.
  public var prediction: Flow.Prediction?
  /// A text file of class names, one on each line.
  public var classNamesPath: String?
  /// What latents are multiplied by before the model; nil for the autoencoder's own.
  public var scaleFactor: Double?
  /// A file with mean and deviation of each channel of the latents, as LightningDiT's code saves it; nil
  /// for what the model's file, its family or the autoencoder says.
  public var latentStatsPath: String?
  /// The number format.
  public var precision: Precision
  /// How the model is run.
  public var mode: ExecutionMode
  /// Whether steps use features of earlier ones again.
  public var cache: FeatureCache
  /// `auto`, or a device as libtorch spells it.
  public var device: String
  /// Whether a GPU may multiply float32 matrices in TF32, which has 10 bits of mantissa.
  public var allowsTF32: Bool

  /// A configuration; without arguments, of the built-in model.
  public init(
    ditCheckpoint: String? = nil, weights: WeightSet = .automatic, guideCheckpoint: String? = nil,
    autoencoder: AutoencoderChoice = .automatic, preset: DiTPreset? = nil, imageSize: Int? = nil,
    headCount: Int? = nil, classCount: Int? = nil, classNamesPath: String? = nil,
    scaleFactor: Double? = nil, latentStatsPath: String? = nil, precision: Precision = .auto,
    mode: ExecutionMode = .graph, cache: FeatureCache = .off, device: String = "auto",
    allowsTF32: Bool = true
  ) {
    self.ditCheckpoint = ditCheckpoint
    self.weights = weights
    self.guideCheckpoint = guideCheckpoint
    self.autoencoder = autoencoder
    self.preset = preset
    self.imageSize = imageSize
    self.headCount = headCount
    self.classCount = classCount
    self.classNamesPath = classNamesPath
    self.scaleFactor = scaleFactor
    self.latentStatsPath = latentStatsPath
    self.precision = precision
    self.mode = mode
    self.cache = cache
    self.device = device
    self.allowsTF32 = allowsTF32
  }

  /// Opens the device, and sets TF32 for the whole process.
  ///
  /// - Throws: `PipelineError` if it is unknown or absent; `TorchError` if it does not start.
  public func openDevice() throws -> Device {
    try DeviceSelection.openDevice(device, allowsTF32: allowsTF32)
  }

  /// The autoencoder, with `automatic` settled by what the DiT's folder holds.
  public var chosenAutoencoder: AutoencoderChoice {
    guard autoencoder == .automatic else { return autoencoder }
    guard let ditCheckpoint else { return .embedded }
    return PipelinePart.vae.isPresent(in: ditCheckpoint) ? .file(ditCheckpoint) : .automatic
  }
}

extension PipelineConfig {
  /// Warns of a scale factor that is not the autoencoder's own, which is rarely meant.
  ///
  /// - Parameters:
  ///   - given: what latents are multiplied by.
  ///   - own: the autoencoder's default.
  /// - Returns: the warning; nil if the two agree to a thousandth.
  public static func scaleNote(_ given: Double, own: Double) -> String? {
    guard abs(given - own) > own / 1000 else { return nil }
    return
      "the scale factor is \(given) and the autoencoder's own is \(own): leave it out, unless the"
      + " model was trained so"
  }
}
