internal import Checkpoint
internal import Diffusion
internal import Files
internal import ImageData
internal import Inference
internal import Models
internal import Pipeline
internal import Torch

/// The opened training data: a folder of images, or a cache of their latents.
struct TrainingSource {
  /// Turns pixels into latents and back.
  private(set) var codec: LatentCodec
  /// Height and width of images in pixels.
  private(set) var imageSize: Int
  /// Images, unreadable ones included.
  let imageCount: Int
  /// The number of classes; at least that, if they have no names.
  let classCount: Int
  /// The class names; empty if the data have numbers alone.
  let classNames: [String]
  /// The autoencoder of the latents, for the metadata of checkpoints; nil for pixels.
  private(set) var runAutoencoder: RunAutoencoder?

  private let settings: TrainingSettings.DataSettings
  /// Mean and deviation that the autoencoder takes off itself, if it is open.
  private let ownStatistics: LatentStatistics
  private let reducesWhileDecoding: Bool
  private let content: Content
  /// Where `imageSize` comes from, for error messages.
  private var sizeOrigin: String

  private enum Content {
    case folder(ImageFolder)
    case cache(LatentCache)
  }

  /// Opens the data of a run.
  ///
  /// - Parameters:
  ///   - settings: the data.
  ///   - drawsSamples: whether latents will be decoded.
  ///   - device: of the autoencoder.
  ///   - checking: called with the number of cache files that were compared, and how many there are;
  ///     may throw to stop.
  ///   - note: called with findings about the data.
  /// - Throws: `TrainingError` for settings that contradict each other or the data; what opening
  ///   throws.
  init(
    _ settings: TrainingSettings.DataSettings, drawsSamples: Bool, device: Device,
    checking: (_ done: Int, _ count: Int) throws -> Void, note: (String) throws -> Void
  ) throws {
    let path = settings.path
    guard !LatentCacheManifest.isUnfinished(path) else {
      throw TrainingError(.cacheUnfinished, "'\(path)' is a cache of latents that is not finished")
    }
    self =
      LatentCacheManifest.isCache(path)
      ? try TrainingSource(
        cache: settings, drawsSamples: drawsSamples, device: device, checking: checking, note: note)
      : try TrainingSource(
        folder: settings, drawsSamples: drawsSamples, device: device, note: note)
    if let path = settings.latentStatsPath { try takeStatistics(from: path, note: note) }
  }

  private init(
    folder settings: TrainingSettings.DataSettings, drawsSamples: Bool, device: Device,
    note: (String) throws -> Void
  ) throws {
    // A wrong path is told first, and before a slow start.
    try ImageFolder.checkExists(settings.path)
    var encoder: ImageEncoder?
    switch settings.autoencoder {
    case nil: throw TrainingError(.autoencoderMissing, "the autoencoder is missing")
    case .pixels: break
    case .checkpoint(let path):
      encoder = try ImageEncoder(path, decodes: drawsSamples, device: device)
    }
    let autoencoder = encoder?.autoencoder
    codec = LatentCodec(
      autoencoder, scaling: settings.scaleFactor.map { LatentScaling(factor: $0) })
    ownStatistics = encoder?.statistics ?? LatentStatistics()
    runAutoencoder = encoder.map { [codec] in
      RunAutoencoder(
        path: $0.path, kind: $0.kind, checksum: $0.checksum, scaling: codec.scaling,
        downsamplingFactor: codec.downsamplingFactor)
    }
    let folder = try ImageFolder(settings.path)
    imageSize = settings.imageSize ?? 256
    sizeOrigin = "image size \(imageSize)" + (settings.imageSize == nil ? ", the default" : "")
    imageCount = folder.count
    classCount = folder.classCount
    classNames = folder.classNames
    reducesWhileDecoding = settings.reducesWhileDecoding
    self.settings = settings
    content = .folder(folder)
    try folder.findings.forEach { try note($0.description) }
    try encoder?.findings.forEach { try note($0.description) }
    try TrainingSource.noteScale(
      settings, own: autoencoder?.defaultScaleFactor, note: note)
  }

  private init(
    cache settings: TrainingSettings.DataSettings, drawsSamples: Bool, device: Device,
    checking: (_ done: Int, _ count: Int) throws -> Void, note: (String) throws -> Void
  ) throws {
    let path = settings.path
    let content = try LatentCacheManifest(path).settings
    var settings = settings
    if drawsSamples, settings.autoencoder == nil, let file = content.autoencoderPath,
      Folder.hasFile(file) || Folder.exists(file)
    {
      settings.autoencoder = .checkpoint(file)
      try note("the autoencoder of sample grids is '\(file)', as the cache notes")
    }
    try content.check(settings, drawsSamples: drawsSamples, path: path)
    var autoencoder: (any Autoencoder)?
    if case .checkpoint(let file) = settings.autoencoder {
      let encoder = try ImageEncoder(file, decodes: drawsSamples, device: device)
      try encoder.requireMaker(of: content, path: path)
      autoencoder = encoder.autoencoder
    }
    ownStatistics = content.statistics ?? LatentStatistics()
    let cache = try LatentCache(path) { try checking($0, content.shardCount) }
    codec = LatentCodec(
      cache: content, autoencoder: autoencoder,
      scaling: settings.scaleFactor.map { LatentScaling(factor: $0) })
    var autoencoderPath = content.autoencoderPath
    if case .checkpoint(let file) = settings.autoencoder { autoencoderPath = file }
    runAutoencoder = RunAutoencoder(
      path: autoencoderPath, kind: content.autoencoderKind, checksum: content.autoencoderChecksum,
      scaling: codec.scaling, downsamplingFactor: codec.downsamplingFactor)
    imageSize = content.imageSize
    sizeOrigin = "'\(path)', a cache of latents of \(imageSize) x \(imageSize) pixels"
    imageCount = content.imageCount
    classCount = content.classCount
    classNames = content.classNames
    reducesWhileDecoding = content.reducesWhileDecoding ?? false
    self.settings = settings
    self.content = .cache(cache)
    try note("'\(path)' is a cache of latents of \(content.autoencoderName)")
    try TrainingSource.noteScale(settings, own: content.scaleFactor, note: note)
  }

  /// Notes a scale factor that is not the autoencoder's own; nil for no autoencoder.
  private static func noteScale(
    _ settings: TrainingSettings.DataSettings, own: Double?, note: (String) throws -> Void
  ) throws {
    guard let given = settings.scaleFactor else { return }
    guard let own else {
      return try note("the scale factor has no meaning for pixels and changes nothing")
    }
    let usual = settings.latentStatsPath == nil ? own : 1
    if let text = PipelineConfig.scaleNote(given, own: usual) { try note(text) }
  }

  /// Takes the statistics of a file.
  ///
  /// - Throws: `TrainingError` for pixels; `PipelineError` for a file that has none, or those of other
  ///   latents; `FileError`, `CheckpointError`.
  private mutating func takeStatistics(
    from path: String, note: (String) throws -> Void
  ) throws {
    guard runAutoencoder != nil else {
      throw TrainingError(
        .setting(.latentStatistics), "'\(path)': pixels have no statistics of latents")
    }
    let statistics = try LatentStatistics(readFrom: path)
    try statistics.check(channelCount: codec.channelCount, of: path)
    try take(LatentScaling(statistics: statistics), of: path, note: note)
  }

  /// Takes statistics and a factor, unless the settings name a factor.
  private mutating func take(
    _ scaling: LatentScaling, of path: String, note: (String) throws -> Void
  ) throws {
    var scaling = scaling
    if !ownStatistics.areNeutral {
      guard scaling.statistics == ownStatistics else {
        throw TrainingError(
          .setting(.latentStatistics),
          "the autoencoder's file has statistics of its latents, others than those of '\(path)'; they do"
            + " not belong together")
      }
      // It takes them off itself.
      scaling.statistics = LatentStatistics()
    }
    scaling.factor = settings.scaleFactor ?? scaling.factor
    codec.scaling = scaling
    runAutoencoder?.scaling = scaling
    try note("latents are normalized by channel, by the statistics of '\(path)'")
  }

  /// Takes the statistics of the latents that a pretrained model knows, unless the settings name a file.
  ///
  /// - Parameters:
  ///   - pretrained: the model that training starts from.
  ///   - note: called with what is taken.
  /// - Throws: `TrainingError` if a model whose family has them knows none.
  mutating func takeStatistics(
    of pretrained: PretrainedModel?, note: (String) throws -> Void
  ) throws {
    guard let pretrained, runAutoencoder != nil, settings.latentStatsPath == nil else { return }
    guard let scaling = pretrained.scaling else {
      guard
        !pretrained.needsStatistics || settings.scaleFactor != nil || !ownStatistics.areNeutral
      else {
        throw TrainingError(
          .setting(.latentStatistics),
          "'\(pretrained.path)' is of the family \(pretrained.family.family.rawValue), whose latents are"
            + " normalized by channel, and their statistics are missing")
      }
      return
    }
    try take(scaling, of: pretrained.path, note: note)
  }

  /// Takes the image size of a pretrained model, unless the settings or a cache give one.
  mutating func takeImageSize(of pretrained: PretrainedModel?) {
    guard let pretrained, settings.imageSize == nil, case .folder = content else { return }
    imageSize = pretrained.config.inputSize * codec.downsamplingFactor
    sizeOrigin = "'\(pretrained.path)'"
  }

  /// Checks that the images fit the model.
  ///
  /// - Parameters:
  ///   - config: the model.
  ///   - pretrained: the path of the checkpoint that it comes from; nil for none.
  /// - Throws: `TrainingError`.
  func checkSize(for config: DiTConfig, of pretrained: String?) throws {
    let factor = codec.downsamplingFactor
    let fit = config.inputSize * factor
    if let pretrained, imageSize != fit {
      throw TrainingError(
        .setting(.imageSize),
        "\(sizeOrigin): '\(pretrained)' is for images of \(fit) x \(fit) pixels")
    }
    let step = factor * config.patchSize
    guard imageSize.isMultiple(of: step) else {
      throw TrainingError(
        .setting(.imageSize),
        "\(sizeOrigin): must be a multiple of autoencoder factor x patch size, \(step)")
    }
  }

  /// The names of the model's classes. Data without names have those of the pretrained model's
  /// classes, or of ImageNet's if it has too few or there is none.
  func allClassNames(_ pretrained: PretrainedModel?) throws -> [String] {
    guard classNames.isEmpty else { return classNames }
    let known = [pretrained?.config.classCount, 1000].compactMap { $0 }
    let count = known.first { $0 >= classCount } ?? classCount
    let names = try ClassNames(count: count, metadata: pretrained?.metadata ?? [:])
    return (0..<count).map(names.name)
  }

  /// The classes that have images, ascending.
  var classesWithImages: [Int] {
    switch content {
    case .folder(let folder): Set((0..<folder.count).map(folder.label)).sorted()
    case .cache(let cache): cache.classesWithImages.sorted()
    }
  }

  /// The images in the fingerprint of a run.
  var fingerprint: String {
    "\(imageCount)" + (reducesWhileDecoding ? " reduced while decoding" : "")
  }

  /// The batches of one rank.
  ///
  /// - Parameters:
  ///   - config: batch sizes and seed.
  ///   - classNames: of the model's classes.
  ///   - parallel: the ranks.
  ///   - broken: collects images that cannot be read.
  /// - Returns: the batches.
  /// - Throws: `ImageError`, `TrainingError`.
  func batches(
    _ config: TrainingConfig, classNames: [String], parallel: DataParallel, broken: BrokenImageList
  ) throws -> any TrainingData {
    let globalBatchSize = config.globalBatchSize(rankCount: parallel.count)
    var options = BatchLoaderOptions(imageSize: imageSize, globalBatchSize: globalBatchSize)
    options.seed = config.seed
    (options.rank, options.worldSize) = (parallel.rank, parallel.count)
    options.mirrors = settings.mirrors
    options.reducesWhileDecoding = reducesWhileDecoding
    options.workerCount = settings.workerCount
    options.dropsLast = imageCount >= globalBatchSize
    switch content {
    case .folder(let folder):
      return try FolderData(
        folder, options: options, microBatchSize: config.batchSize, classNames: classNames,
        hasPosterior: codec.hasPosterior, report: broken.add)
    case .cache(let cache):
      return try CacheData(
        cache, options: options, microBatchSize: config.batchSize, classNames: classNames)
    }
  }
}

extension LatentCacheSettings {
  /// Checks that a run can train on this cache.
  fileprivate func check(
    _ settings: TrainingSettings.DataSettings, drawsSamples: Bool, path: String
  ) throws {
    if let size = settings.imageSize, size != imageSize {
      throw TrainingError(
        .setting(.imageSize),
        "image size \(size): '\(path)' is a cache of latents of \(imageSize) pixels")
    }
    guard settings.autoencoder != nil || !drawsSamples else {
      throw TrainingError(
        .samplesNeedAutoencoder, "sample grids need the autoencoder that made '\(path)'")
    }
    guard hasMirrored || !settings.mirrors else {
      throw TrainingError(.mirrorImagesMissing, "'\(path)' has no mirror images")
    }
    guard settings.autoencoder != .pixels else {
      throw TrainingError(
        .setting(.autoencoder), "'\(path)' is a cache of latents, and the autoencoder is none")
    }
    guard reducesWhileDecoding == true || !settings.reducesWhileDecoding else {
      throw TrainingError(
        .setting(.reducesWhileDecoding), "'\(path)' was encoded without reducing while decoding")
    }
  }
}
