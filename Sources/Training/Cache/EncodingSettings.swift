internal import Foundation
internal import ImageData
public import Logging
internal import Models
internal import Pipeline
public import Torch

/// Everything that decides an encoding: images, autoencoder, and the cache of latents to make.
public struct EncodingSettings: Sendable, Codable {
  /// A folder of class folders, or a folder with a table of images.
  public var imagePath: String
  /// The autoencoder's file, or the folder of its two halves.
  public var autoencoderPath: String
  /// The folder of the cache, outside that of the images.
  public var outputPath: String
  /// Height and width of images in pixels.
  public var imageSize = 256
  /// Whether mirror images are encoded too.
  public var mirrors = true
  /// Whether large JPEG files shrink while they are decoded: faster, other roundings.
  public var reducesWhileDecoding = false
  /// Whether moments are kept in float16 in place of float32.
  public var usesFloat16 = false
  /// Images of a file.
  public var shardSize = 1024
  /// Images that are encoded at a time.
  public var batchSize = 8
  /// Threads that decode images.
  public var workerCount = 2

  /// An encoding with the defaults above.
  public init(imagePath: String, autoencoderPath: String, outputPath: String) {
    self.imagePath = imagePath
    self.autoencoderPath = autoencoderPath
    self.outputPath = outputPath
  }

  /// A folder among the images would be a class the next time.
  fileprivate func checkOutput(apartFrom images: String) throws {
    let paths = [outputPath, images].map {
      URL(filePath: $0).standardizedFileURL.resolvingSymlinksInPath().path + "/"
    }
    guard !paths[0].hasPrefix(paths[1]) else {
      throw TrainingError(.outputAmongImages, "'\(outputPath)' lies among the images")
    }
  }
}

extension LatentCacheBuilder {
  /// Opens images and autoencoder; nothing is written yet.
  ///
  /// - Parameters:
  ///   - encoding: the images, the autoencoder and the cache.
  ///   - device: of the autoencoder.
  ///   - logger: shows findings about the images.
  /// - Throws: `TrainingError` if the settings do not go together; `ImageError`, `CheckpointError`,
  ///   `PipelineError`.
  public convenience init(
    _ encoding: EncodingSettings, device: Device, logger: Logger = Logger(label: "training")
  ) throws {
    let folder = try ImageFolder(encoding.imagePath)
    for finding in folder.findings { logger.notice("\(finding)") }
    try encoding.checkOutput(apartFrom: folder.path)
    let encoder = try ImageEncoder(encoding.autoencoderPath, device: device)
    for finding in encoder.findings { logger.notice("\(finding)") }
    let factor = encoder.autoencoder.downsamplingFactor
    guard encoding.imageSize.isMultiple(of: factor) else {
      throw TrainingError(
        .setting(.imageSize),
        "image size \(encoding.imageSize): must be a multiple of the autoencoder's factor, \(factor)"
      )
    }
    var settings = LatentCacheSettings(
      folder, imageSize: encoding.imageSize, codec: LatentCodec(encoder.autoencoder),
      kind: encoder.kind, checksum: encoder.checksum, statistics: encoder.statistics)
    settings.autoencoderPath = RunAutoencoder.absolute(encoding.autoencoderPath)
    settings.hasMirrored = encoding.mirrors
    if encoding.reducesWhileDecoding { settings.reducesWhileDecoding = true }
    settings.elementType = encoding.usesFloat16 ? "fp16" : "fp32"
    settings.shardSize = encoding.shardSize
    var options = Options()
    options.batchSize = encoding.batchSize
    options.workerCount = encoding.workerCount
    self.init(
      encoding.outputPath, folder: folder, autoencoder: encoder.autoencoder, settings: settings,
      options: options, device: device)
  }
}
