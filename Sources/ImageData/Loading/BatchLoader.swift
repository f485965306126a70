internal import Foundation

/// Reads an `ImageFolder` in batches for training, on threads that work ahead.
///
/// What the batches hold depends on the folder and on seed, epoch and batch size alone, not on the
/// number of workers. A broken image is replaced by the next good one in the order of its epoch,
/// which is then drawn once more. The threads end with the loader.
public final class BatchLoader: Sendable {
  /// How the images are drawn.
  public let options: BatchLoaderOptions
  /// How many samples an epoch takes, over all ranks.
  public let epochLength: Int

  private let queue: BatchQueue

  /// Starts to read.
  ///
  /// - Parameters:
  ///   - folder: the images.
  ///   - options: how they are drawn.
  ///   - onBrokenImage: called from a worker, once for each image that cannot be read.
  /// - Throws: `ImageError` if an option is out of range or the folder has too few images.
  public init(
    _ folder: ImageFolder, _ options: BatchLoaderOptions,
    onBrokenImage: @escaping @Sendable (BrokenImage) -> Void = { _ in }
  ) throws {
    try options.check(imageCount: folder.count)
    self.options = options
    epochLength = options.epochLength(imageCount: folder.count)
    let queue = BatchQueue(folder, options, onBrokenImage)
    self.queue = queue
    for _ in 0..<options.workerCount {
      queue.addWorker()
      Thread.detachNewThread { queue.work() }
    }
  }

  deinit { queue.stop() }

  /// Waits for the next batch. The batches never end.
  ///
  /// - Throws: `ImageError` if more than 1 % of the images are broken.
  public func next() throws -> Batch { try queue.next() }

  /// For how long `next` has waited, in total.
  public var secondsWaited: Double { queue.secondsWaited }

  /// The images that could not be read so far, in the order of their paths.
  public var brokenImages: [BrokenImage] { queue.brokenImages }
}
