/// Order, crops and threads of a `BatchLoader`.
public struct BatchLoaderOptions: Sendable {
  /// The side of the square crops in pixels, 1 ... 16384.
  public var imageSize: Int
  /// Images of a step over all ranks; a multiple of `worldSize`.
  public var globalBatchSize: Int
  /// Which slice of each global batch to load, 0 ..< `worldSize`.
  public var rank = 0
  /// Ranks that share a global batch.
  public var worldSize = 1
  /// Seeds order and mirroring.
  public var seed: UInt64 = 0
  /// Samples already drawn by all ranks: `Batch.nextPosition` of the last step.
  public var startPosition = 0
  /// Whether an epoch ends with its last whole batch. Each epoch then leaves out up to
  /// `globalBatchSize` - 1 images, others each time; if false, a batch may reach into the next epoch.
  public var dropsLast = true
  /// Whether half of the images are mirrored left to right.
  public var mirrors = true
  /// Lets large JPEG files shrink during decoding: faster, slightly different pixels.
  public var reducesWhileDecoding = false
  /// Decoding threads, 1 or more.
  public var workerCount = 4
  /// Prefetched batches, 1 or more.
  public var queuedBatchCount = 3

  /// Options with default values.
  public init(imageSize: Int, globalBatchSize: Int) {
    self.imageSize = imageSize
    self.globalBatchSize = globalBatchSize
  }

  /// Images of an epoch.
  package func epochLength(imageCount: Int) -> Int {
    dropsLast ? imageCount / globalBatchSize * globalBatchSize : imageCount
  }

  /// Throws if a value is out of range, or the folder has too few images for a batch.
  package func check(imageCount: Int) throws(ImageError) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(ImageError) {
      guard condition else { throw ImageError(message()) }
    }
    try require(
      (1...16384).contains(imageSize), "an image size of \(imageSize); it must be 1 ... 16384")
    try require(globalBatchSize > 0, "a batch of \(globalBatchSize); it must be above 0")
    try require(
      worldSize > 0 && globalBatchSize.isMultiple(of: worldSize),
      "a batch of \(globalBatchSize) cannot be divided among \(worldSize) processes; make it a "
        + "multiple")
    try require(
      (0..<worldSize).contains(rank), "process number \(rank); it must be below \(worldSize)")
    try require(startPosition >= 0, "a start at sample \(startPosition); it must be 0 or above")
    try require(workerCount > 0, "\(workerCount) workers; there must be 1 or more")
    try require(queuedBatchCount > 0, "\(queuedBatchCount) queued batches; there must be 1 or more")
    try require(
      !dropsLast || imageCount >= globalBatchSize,
      "\(imageCount) images do not fill a batch of \(globalBatchSize); choose a smaller batch, or "
        + "let batches reach into the next epoch")
  }
}
