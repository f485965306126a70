/// How a `BatchLoader` draws and crops images.
public struct BatchLoaderOptions: Sendable {
  /// The side of the square crops in pixels, 1 ... 16384.
  public var imageSize: Int
  /// How many images all ranks take for a step; a multiple of `rankCount`.
  public var globalBatchSize: Int
  /// Which part of each whole batch to load, 0 ..< `rankCount`: its images from
  /// `rank` N on, where N = `globalBatchSize` / `rankCount`.
  public var rank = 0
  /// How many ranks share a batch.
  public var rankCount = 1
  /// Of the order and of mirroring.
  public var seed: UInt64 = 0
  /// How many samples were drawn before, by all ranks: `Batch.nextPosition` of the last step.
  public var startPosition = 0
  /// Whether an epoch ends with its last whole batch, which leaves up to `globalBatchSize` - 1 images
  /// out (others in each epoch). Else every image is drawn once an epoch, and a batch may end in the
  /// next one.
  public var dropsLast = true
  /// Whether half of the images are mirrored left to right.
  public var mirrors = true
  /// Lets large JPEG files shrink while they are decoded; see `RGBImage`.
  public var reducesWhileDecoding = false
  /// How many threads decode, from 1.
  public var workerCount = 4
  /// How many batches are made ahead, from 1.
  public var queuedBatchCount = 3

  /// Options with the defaults above.
  public init(imageSize: Int, globalBatchSize: Int) {
    self.imageSize = imageSize
    self.globalBatchSize = globalBatchSize
  }

  /// How many images an epoch takes of so many.
  package func epochLength(imageCount: Int) -> Int {
    dropsLast ? imageCount / globalBatchSize * globalBatchSize : imageCount
  }

  /// Refuses values out of range, and batches that a folder of so many images cannot fill.
  package func check(imageCount: Int) throws(ImageError) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(ImageError) {
      guard condition else { throw ImageError(message()) }
    }
    try require(
      (1...16384).contains(imageSize), "an image size of \(imageSize); it must be 1 ... 16384")
    try require(globalBatchSize > 0, "a batch of \(globalBatchSize); it must be above 0")
    try require(
      rankCount > 0 && globalBatchSize.isMultiple(of: rankCount),
      "a batch of \(globalBatchSize) cannot be divided among \(rankCount) processes; make it a "
        + "multiple")
    try require(
      (0..<rankCount).contains(rank), "process number \(rank); it must be below \(rankCount)")
    try require(startPosition >= 0, "a start at sample \(startPosition); it must be 0 or above")
    try require(workerCount > 0, "\(workerCount) workers; there must be 1 or more")
    try require(queuedBatchCount > 0, "\(queuedBatchCount) queued batches; there must be 1 or more")
    try require(
      !dropsLast || imageCount >= globalBatchSize,
      "\(imageCount) images do not fill a batch of \(globalBatchSize); choose a smaller batch, or "
        + "let batches reach into the next epoch")
  }
}
