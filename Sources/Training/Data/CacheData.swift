public import ImageData
internal import Torch

/// Batches from a cache of latents: the images and mirrorings that `FolderData` gives.
public final class CacheData: TrainingData {
  /// Names of the classes, by number.
  public let classNames: [String]
  /// Images in an epoch.
  public let imageCount: Int
  /// Rows of an epoch, over all ranks.
  public var epochLength: Int { order.epochLength }
  /// Whether the cache has variances, so that latents are drawn with noise.
  public let hasPosterior: Bool

  private let cache: LatentCache
  private let options: BatchLoaderOptions
  private let microBatchSize: Int
  private var order: SampleOrder
  private var startPosition: Int
  /// Rows that this rank has taken since the start position.
  private var taken = 0

  /// Data at the options' start position.
  ///
  /// - Parameters:
  ///   - cache: the latents.
  ///   - options: order, mirroring and ranks; options about decoding play no part.
  ///   - microBatchSize: rows of a batch; divides this rank's share of a step.
  ///   - classNames: one per class.
  /// - Throws: `ImageError` if an option is out of range or there are too few images;
  ///   `TrainingError` if mirrored images are asked for and the cache has none.
  public init(
    _ cache: LatentCache, options: BatchLoaderOptions, microBatchSize: Int, classNames: [String]
  ) throws {
    let settings = cache.manifest.settings
    try options.check(imageCount: settings.imageCount)
    guard !options.mirrors || settings.hasMirrored else {
      throw TrainingError(.mirrorImagesMissing, "'\(cache.path)' has no mirror images")
    }
    self.cache = cache
    self.options = options
    self.microBatchSize = microBatchSize
    self.classNames = classNames
    imageCount = settings.imageCount
    hasPosterior = settings.hasLogVariance
    startPosition = options.startPosition
    order = SampleOrder(
      imageCount: settings.imageCount,
      epochLength: options.epochLength(imageCount: settings.imageCount), seed: options.seed)
  }

  /// Goes to the position after the first `sampleCount` rows of the run.
  public func seek(sampleCount: Int) {
    startPosition = sampleCount
    taken = 0
  }

  /// The next micro-batch.
  public func next() -> TrainingBatch {
    let clock = ContinuousClock()
    let start = clock.now
    let share = options.globalBatchSize / options.worldSize
    let count = min(microBatchSize, share - taken % share)
    let images = (0..<count).map { offset in
      let (batch, slot) = (taken + offset).quotientAndRemainder(dividingBy: share)
      return draw(
        startPosition + batch * options.globalBatchSize + options.rank * share + slot)
    }
    taken += count
    let rows = cache.rows(images)
    return TrainingBatch(
      .moments(mean: rows.mean, logVariance: rows.logVariance), labels: Tensor(rows.labels),
      waitSeconds: start.duration(to: clock.now).inSeconds)
  }

  /// The image at a position, or the next readable one in its epoch.
  private func draw(_ position: Int) -> (number: Int, isMirrored: Bool) {
    let (order, place) = order.place(at: position)
    var number = order.image(at: place)
    for offset in 1...imageCount where cache.isBroken(number) {
      number = order.image(at: place + offset)
    }
    return (number, options.mirrors && order.isMirrored(number))
  }
}
