/// Reads an `ImageFolder` in batches for training, on threads that prefetch.
///
/// The content of a batch depends only on folder, seed, epoch and batch size, not on the number of
/// workers. A broken image is replaced by the next good one in the order of its epoch, which then
/// occurs twice. The threads end with the loader.
public final class BatchLoader: Sendable {
  /// Order, crops and threads.
  public let options: BatchLoaderOptions
  /// Samples of an epoch, over all ranks.
  public let epochLength: Int

  private let source: BatchSource
  private let queue: PartQueue<BatchSource.DrawnImage, Batch, ImageError>

  /// Starts to read.
  ///
  /// - Parameters:
  ///   - folder: the images.
  ///   - options: order, crops and threads.
  ///   - onBrokenImage: called on a worker thread, once for each broken image.
  /// - Throws: `ImageError` if an option is out of range or the folder has too few images.
  public init(
    _ folder: ImageFolder, _ options: BatchLoaderOptions,
    onBrokenImage: @escaping @Sendable (BrokenImage) -> Void = { _ in }
  ) throws {
    try options.check(imageCount: folder.count)
    self.options = options
    epochLength = options.epochLength(imageCount: folder.count)
    let source = BatchSource(folder, options, onBrokenImage)
    self.source = source
    queue = PartQueue(
      .init(partSize: source.batchSize, partsAhead: options.queuedBatchCount),
      workerCount: options.workerCount, make: source.image, assemble: source.batch)
  }

  deinit { queue.stop() }

  /// Waits for the next batch. The batches never end.
  ///
  /// - Throws: `ImageError` if more than 1 % of the images are broken, and more than 5 or a quarter.
  public func next() throws -> Batch {
    guard let batch = try queue.next() else { fatalError("BatchLoader: the batches have ended") }
    return batch
  }

  /// How long `next` has waited, in total.
  public var secondsWaited: Double { queue.timeWaited / .seconds(1) }

  /// The broken images so far, in the order of their paths.
  public var brokenImages: [BrokenImage] { source.brokenImages }
}
