public import ImageData
internal import Torch

/// Batches from a cache of latents, of the same images and mirrorings as `FolderData` gives.
public final class CacheData: TrainingData {
  /// Names of the classes, by number.
  public let classNames: [String]
  /// Images in an epoch.
  public let imageCount: Int
  /// Rows of an epoch, over all ranks.
  public var epochLength: Int { order.epochLength }
  /// Whether latents are drawn with noise.
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
  ///   - options: how they are drawn; what concerns decoding is passed over.
  ///   - microBatchSize: rows of `next`; divides this rank's share of a step.
  ///   - classNames: as many as there are classes.
  /// - Throws: `ImageError` if an option is out of range or there are too few images;
  ///   `TrainingError` if mirrored images are asked for and the cache has none.
  public init(
    _ cache: LatentCache, options: BatchLoaderOptions, microBatchSize: Int, classNames: [String]
  ) throws {
    let settings = cache.manifest.settings
    try options.check(imageCount: settings.imageCount)
    guard !options.mirrors || settings.hasMirrored else {
      throw TrainingError(
        "'\(cache.path)' has no mirrored images: train with --horizontal-flip false, or encode"
          + " again with --horizontal-flip true")
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

  /// See `TrainingData`.
  public func seek(sampleCount: Int) {
    startPosition = sampleCount
    taken = 0
  }

  /// See `TrainingData`.
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

  /// The image at a position, or the next good one in the order of its epoch.
  private func draw(_ position: Int) -> (number: Int, isMirrored: Bool) {
    let (order, place) = order.place(at: position)
    var number = order.image(at: place)
    for offset in 1...imageCount where cache.isBroken(number) {
      number = order.image(at: place + offset)
    }
    return (number, options.mirrors && order.isMirrored(number))
  }
}
