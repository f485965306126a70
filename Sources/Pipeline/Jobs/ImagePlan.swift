/// The images of a job: their classes, their seeds, and the batches in which they are made.
///
/// Image i has the class `labels[i]` and the seed `seed + i`. Neither depends on the number of
/// processes.
public struct ImagePlan: Sendable, Equatable {
  /// The class of each image.
  public let labels: [Int]
  /// Images that are made together; the last batch may have fewer.
  public let batchSize: Int
  /// Height and width in pixels.
  public let imageSize: Int
  /// The seed of the first image.
  public let seed: UInt64

  /// A plan.
  ///
  /// - Parameters:
  ///   - labels: the class of each image.
  ///   - batchSize: 1 or more.
  ///   - imageSize: height and width in pixels.
  ///   - seed: of the first image.
  public init(labels: [Int], batchSize: Int, imageSize: Int, seed: UInt64) {
    self.labels = labels
    self.batchSize = max(1, min(batchSize, labels.count))
    self.imageSize = imageSize
    self.seed = seed
  }

  /// The number of batches.
  public var batchCount: Int { (labels.count + batchSize - 1) / batchSize }

  /// The images of a batch.
  public func images(of batch: Int) -> Range<Int> {
    batch * batchSize..<min((batch + 1) * batchSize, labels.count)
  }

  /// The seed of an image.
  public func seed(of image: Int) -> UInt64 { seed &+ UInt64(image) }
}
