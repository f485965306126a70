internal import Checkpoint
internal import ImageData
internal import Inference
internal import Models
internal import Pipeline
internal import Torch
internal import Training

/// What `dit train` trains on: a folder of images, or a cache of their latents.
struct TrainSource {
  /// Pixels to latents and back, as far as that is needed.
  let codec: LatentCodec
  /// Height and width of images in pixels.
  private(set) var imageSize: Int
  /// What the size is that of, for messages.
  private(set) var sizeOrigin: String
  /// Images, with those that cannot be read.
  let imageCount: Int
  /// How many classes there are at least.
  let classCount: Int
  /// Their names; empty if they have none.
  let classNames: [String]
  /// Whether large JPEG files shrink, or shrank, while they are decoded.
  let reducesWhileDecoding: Bool
  /// What was found out, a line each.
  let notes: [String]

  private let content: Content
  /// Whether nobody has said how large images are.
  private let isSizeOpen: Bool

  private enum Content {
    case folder(ImageFolder)
    case cache(LatentCache)
  }

  /// Opens what `--data-path` names.
  ///
  /// - Parameters:
  ///   - options: of `dit train`.
  ///   - showsSamples: whether latents will be decoded.
  ///   - device: where the autoencoder goes.
  /// - Throws: `UsageError` for options that do not go together or with a cache; what opening throws.
  init(_ options: TrainDataOptions, showsSamples: Bool, device: Device) throws {
    guard let path = options.dataPath else {
      throw UsageError("what to train on is missing: give --data-path FOLDER")
    }
    guard !LatentCacheManifest.isUnfinished(path) else {
      throw UsageError(
        "'\(path)' is a cache of latents that is not finished: run dit encode again as before, which"
          + " makes what is missing")
    }
    if LatentCacheManifest.isCache(path) {
      try self.init(cache: path, options, showsSamples: showsSamples, device: device)
    } else {
      try self.init(folder: path, options, showsSamples: showsSamples, device: device)
    }
  }

  private init(
    folder path: String, _ options: TrainDataOptions, showsSamples: Bool, device: Device
  ) throws {
    guard let vaeCheckpoint = options.vaeCheckpoint else {
      throw UsageError(
        "the autoencoder is missing: give --vae-checkpoint FILE, or none to train on pixels")
    }
    let isNone = vaeCheckpoint.lowercased() == "none"
    let autoencoder = isNone ? nil : try TrainSource.encoder(vaeCheckpoint, device).0
    try TrainSource.checkDecoder(autoencoder, vaeCheckpoint, isNeeded: showsSamples && !isNone)
    codec = LatentCodec(autoencoder, scaleFactor: options.sdScaleFactor)
    let folder = try ImageFolder(path)
    imageSize = options.imageSize ?? 256
    sizeOrigin = "--image-size \(imageSize)" + (options.imageSize == nil ? ", the default" : "")
    isSizeOpen = options.imageSize == nil
    imageCount = folder.count
    classCount = folder.classCount
    classNames = folder.classNames
    reducesWhileDecoding = options.reduceWhileDecoding
    notes =
      folder.findings.map(\.description)
      + TrainSource.scaleNotes(options.sdScaleFactor, own: autoencoder?.defaultScaleFactor)
    content = .folder(folder)
  }

  private init(
    cache path: String, _ options: TrainDataOptions, showsSamples: Bool, device: Device
  ) throws {
    let settings = try LatentCacheManifest(path).settings
    if let size = options.imageSize, size != settings.imageSize {
      throw UsageError(
        "--image-size \(size): '\(path)' is a cache of latents of \(settings.imageSize) pixels")
    }
    guard options.vaeCheckpoint != nil || !showsSamples else {
      throw UsageError(
        "--sample-interval needs the autoencoder that made '\(path)': give --vae-checkpoint FILE")
    }
    guard settings.hasMirrored || !options.horizontalFlip else {
      throw UsageError(
        "'\(path)' has no mirror images: give --horizontal-flip false, or encode with them")
    }
    let autoencoder = try options.vaeCheckpoint.map {
      try TrainSource.autoencoder($0, of: settings, path, device)
    }
    guard settings.reducesWhileDecoding == true || !options.reduceWhileDecoding else {
      throw UsageError(
        "--reduce-while-decoding: '\(path)' was encoded without it; leave it out, or encode with it"
      )
    }
    try TrainSource.checkDecoder(
      autoencoder, options.vaeCheckpoint ?? "", isNeeded: showsSamples)
    let progress = Progress("Checking", count: settings.shardCount, unit: "file")
    defer { progress.finish() }
    let cache = try LatentCache(path) { count in
      try Interrupt.check()
      if settings.shardCount > 1 { progress.update(count) }
    }
    codec = LatentCodec(
      cache: settings, autoencoder: autoencoder, scaleFactor: options.sdScaleFactor)
    imageSize = settings.imageSize
    sizeOrigin = "'\(path)', a cache of latents of \(imageSize) x \(imageSize) pixels"
    isSizeOpen = false
    imageCount = settings.imageCount
    classCount = settings.classCount
    classNames = settings.classNames
    reducesWhileDecoding = settings.reducesWhileDecoding ?? false
    notes =
      ["'\(path)' is a cache of latents of \(settings.autoencoderName)"]
      + TrainSource.scaleNotes(options.sdScaleFactor, own: settings.scaleFactor)
    content = .cache(cache)
  }

  /// The same with the size of images that a checkpoint is for, unless another was asked for.
  func sized(for start: TrainStart?) -> TrainSource {
    guard isSizeOpen, let start else { return self }
    var result = self
    result.imageSize = start.config.inputSize * codec.downsamplingFactor
    result.sizeOrigin = "'\(start.path)'"
    return result
  }

  /// The number of classes, or the numbers, of the data.
  var classText: String {
    TrainSource.classText(count: classCount, isNamed: !classNames.isEmpty)
  }

  /// The number of classes, or the numbers, of data; those of a table have no names.
  static func classText(count: Int, isNamed: Bool) -> String {
    isNamed ? Amount.of(count, "class") : "class numbers up to \(count - 1)"
  }

  /// The images in the fingerprint of a run.
  var fingerprint: String {
    "\(imageCount)" + (reducesWhileDecoding ? " reduced while decoding" : "")
  }

  /// Batches.
  ///
  /// - Parameters:
  ///   - options: how images are drawn.
  ///   - microBatchSize: rows of a batch.
  ///   - classNames: as many as there are classes.
  ///   - broken: where images go that cannot be read.
  /// - Returns: the batches.
  /// - Throws: what the data throw on opening.
  func data(
    _ options: BatchLoaderOptions, microBatchSize: Int, classNames: [String],
    broken: BrokenImageList
  ) throws -> any TrainingData {
    switch content {
    case .folder(let folder):
      try FolderData(
        folder, options: options, microBatchSize: microBatchSize, classNames: classNames,
        hasPosterior: codec.hasPosterior, report: broken.add)
    case .cache(let cache):
      try CacheData(
        cache, options: options, microBatchSize: microBatchSize, classNames: classNames)
    }
  }

  /// Says so where a scale factor is not the autoencoder's own; nil for no autoencoder.
  private static func scaleNotes(_ given: Double?, own: Double?) -> [String] {
    guard let given else { return [] }
    guard let own else { return ["sd_scale_factor has no meaning for pixels and changes nothing"] }
    return (PipelineConfig.scaleNote(given, own: own)).map { [$0] } ?? []
  }

  private static func checkDecoder(
    _ autoencoder: (any Autoencoder)?, _ file: String, isNeeded: Bool
  ) throws {
    guard !isNeeded || autoencoder?.canDecode == true else {
      throw UsageError(
        "--sample-interval needs the decoder, which '\(file)' lacks; give --vae-checkpoint the"
          + " folder of both halves")
    }
  }

  /// An autoencoder that has an encoder.
  static func encoder(
    _ path: String, _ device: Device
  ) throws -> (autoencoder: any Autoencoder, state: AutoencoderState) {
    let checkpoint = try Checkpoint.openModel(path, part: .vae)
    let state = try AutoencoderState(checkpoint)
    let autoencoder = makeAutoencoder(state.model(on: device), mode: .graph, device: device) {
      checkpoint.releasePages()
    }
    guard autoencoder.canEncode else {
      throw PipelineError(
        .unusable,
        "'\(path)' has only the decoder; training needs the encoder: give its file, or the folder of"
          + " both")
    }
    return (autoencoder, state)
  }

  /// The autoencoder of a cache.
  private static func autoencoder(
    _ file: String, of settings: LatentCacheSettings, _ path: String, _ device: Device
  ) throws -> any Autoencoder {
    guard file.lowercased() != "none" else {
      throw UsageError(
        "--vae-checkpoint none: '\(path)' is a cache of latents; name the autoencoder that made it,"
          + " or leave the option out")
    }
    let (autoencoder, state) = try encoder(file, device)
    guard
      (state.kind, state.encoderChecksum)
        == (settings.autoencoderKind, settings.autoencoderChecksum)
    else {
      throw PipelineError(
        .unusable,
        "'\(file)' is \(state.kind) \(state.encoderChecksum), and the latents of '\(path)' are of"
          + " \(settings.autoencoderName); give that one, or encode again")
    }
    return autoencoder
  }
}
