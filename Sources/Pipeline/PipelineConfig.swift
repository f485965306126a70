internal import Checkpoint
public import Inference
public import Models
public import Torch

/// Where images come from.
public enum AutoencoderChoice: Sendable, Equatable {
  /// That of the DiT's folder if it is a whole pipeline; the embedded one for the embedded model; none
  /// for a model of 3 channels; others need to be told.
  case automatic
  /// The model makes pixels.
  case none
  /// The one that is built into the program.
  case embedded
  /// A file, or the folder of a pipeline or model; its names tell which autoencoder it holds.
  case file(String)
}

/// What a `LatentDiffusionPipeline` is made of.
public struct PipelineConfig: Sendable {
  /// The DiT's checkpoint, a file or folder; nil for the embedded model.
  public var ditCheckpoint: String?
  /// The autoencoder.
  public var autoencoder: AutoencoderChoice
  /// The published size that the checkpoint must be of, if the caller wants to be sure.
  public var preset: DiTPreset?
  /// Height and width of images in pixels, if the caller wants to be sure.
  public var imageSize: Int?
  /// Attention heads, where file and size do not tell.
  public var headCount: Int?
  /// A text file with a class name a line.
  public var classNamesPath: String?
  /// What latents are multiplied by before the model; nil for the autoencoder's own.
  public var scaleFactor: Double?
  /// The number format.
  public var precision: Precision
  /// How the model is run.
  public var mode: ExecutionMode
  /// `auto`, or a device in libtorch's spelling.
  public var device: String
  /// Whether a GPU may compute products of float32 in TF32, which has 10 bits of mantissa.
  public var allowsTF32: Bool

  /// A configuration; without arguments it is that of the embedded model.
  public init(
    ditCheckpoint: String? = nil, autoencoder: AutoencoderChoice = .automatic,
    preset: DiTPreset? = nil, imageSize: Int? = nil, headCount: Int? = nil,
    classNamesPath: String? = nil, scaleFactor: Double? = nil, precision: Precision = .auto,
    mode: ExecutionMode = .graph, device: String = "auto",
    allowsTF32: Bool = true
  ) {
    self.ditCheckpoint = ditCheckpoint
    self.autoencoder = autoencoder
    self.preset = preset
    self.imageSize = imageSize
    self.headCount = headCount
    self.classNamesPath = classNamesPath
    self.scaleFactor = scaleFactor
    self.precision = precision
    self.mode = mode
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
  /// Says so where a scale factor is not the autoencoder's own, which is rarely meant.
  ///
  /// - Parameters:
  ///   - given: what latents are multiplied by.
  ///   - own: what the autoencoder's latents want.
  /// - Returns: a line; nil where the two agree to a thousandth.
  public static func scaleNote(_ given: Double, own: Double) -> String? {
    guard abs(given - own) > own / 1000 else { return nil }
    return
      "the scale factor is \(given) and the autoencoder's own is \(own): leave it out, unless the"
      + " model was trained so"
  }
}
