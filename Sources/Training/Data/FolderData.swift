public import ImageData
internal import Torch

/// Batches of images from a folder, which threads decode in advance.
public final class FolderData: TrainingData {
  /// Names of the classes, by number.
  public let classNames: [String]
  /// Images in an epoch.
  public let imageCount: Int
  /// Rows of an epoch, over all ranks.
  public var epochLength: Int { loader.epochLength }
  /// Images that this process could not read so far.
  public var brokenImageCount: Int { loader.brokenImages.count }
  /// Whether encoding draws noise.
  public let hasPosterior: Bool

  private let folder: ImageFolder
  private var options: BatchLoaderOptions
  private let microBatchSize: Int
  private let report: @Sendable (BrokenImage) -> Void
  private var loader: BatchLoader
  private var current: Tensor?
  private var labels: [Int] = []
  private var taken = 0

  /// Starts to read.
  ///
  /// - Parameters:
  ///   - folder: the images.
  ///   - options: order, mirroring, decoding and ranks; the rows of a whole step are loaded at a time.
  ///   - microBatchSize: rows of a batch; divides this rank's share of a step.
  ///   - classNames: one per class.
  ///   - hasPosterior: whether encoding draws noise.
  ///   - report: called from a thread for each image that cannot be read.
  /// - Throws: `ImageError` if an option is out of range or the folder has too few images.
  public init(
    _ folder: ImageFolder, options: BatchLoaderOptions, microBatchSize: Int, classNames: [String],
    hasPosterior: Bool, report: @escaping @Sendable (BrokenImage) -> Void
  ) throws {
    self.folder = folder
    self.options = options
    self.microBatchSize = microBatchSize
    self.classNames = classNames
    self.hasPosterior = hasPosterior
    self.report = report
    loader = try BatchLoader(folder, options, onBrokenImage: report)
    imageCount = folder.count
  }

  /// Goes to the position after the first `sampleCount` rows of the run.
  public func seek(sampleCount: Int) throws {
    options.startPosition = sampleCount
    loader = try BatchLoader(folder, options, onBrokenImage: report)
    current = nil
  }

  /// The next micro-batch.
  public func next() throws -> TrainingBatch {
    let waited = loader.secondsWaited
    if current == nil || taken >= labels.count {
      let batch = try loader.next()
      let size = batch.imageSize
      current = Tensor(batch.pixels, shape: [batch.count, size, size, 3])
      labels = batch.labels
      taken = 0
    }
    guard let current else { fatalError("FolderData: no batch") }
    let rows = taken..<min(taken + microBatchSize, labels.count)
    taken = rows.upperBound
    return TrainingBatch(
      .images(RGBImage.modelInput(current[rows])), labels: Tensor(Array(labels[rows])),
      waitSeconds: loader.secondsWaited - waited)
  }
}
