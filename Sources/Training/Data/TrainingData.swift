public import Torch

/// The rows of one micro-batch of this rank.
public struct TrainingBatch {
  /// Images `[N, 3, H, W]` in -1 ... 1, or cached latents.
  public let content: Content
  /// Classes, `[N]`, int64.
  public let labels: Tensor
  /// Seconds that the step waited for it.
  public let waitSeconds: Double

  /// Images or latents.
  public enum Content {
    /// `[N, 3, H, W]`
    case images(Tensor)
    /// Mean, and log variance if there is one, each `[N, c, h, w]`.
    case moments(mean: Tensor, logVariance: Tensor?)
  }

  /// A batch.
  public init(_ content: Content, labels: Tensor, waitSeconds: Double = 0) {
    self.content = content
    self.labels = labels
    self.waitSeconds = waitSeconds
  }

  /// The batch on a device.
  func sent(to device: Device) -> TrainingBatch {
    let content: Content =
      switch content {
      case .images(let images): .images(images.sent(to: device))
      case .moments(let mean, let logVariance):
        .moments(mean: mean.sent(to: device), logVariance: logVariance?.sent(to: device))
      }
    return TrainingBatch(content, labels: labels.sent(to: device), waitSeconds: waitSeconds)
  }
}

/// Batches in an order that a seed decides, from any position on.
public protocol TrainingData {
  /// Names of the classes, by number.
  var classNames: [String] { get }
  /// Images in an epoch.
  var imageCount: Int { get }
  /// Rows of an epoch, over all ranks: the images that fill whole steps.
  var epochLength: Int { get }
  /// Images that this process could not read so far.
  var brokenImageCount: Int { get }
  /// Whether encoding draws noise.
  var hasPosterior: Bool { get }
  /// Goes to the position after the first `sampleCount` rows of the run, over all epochs and ranks.
  ///
  /// - Throws: if the data cannot be read any more.
  func seek(sampleCount: Int) throws
  /// The next micro-batch.
  ///
  /// - Returns: its rows.
  /// - Throws: if too many images cannot be read.
  func next() throws -> TrainingBatch
}

extension TrainingData {
  /// The images.
  public var epochLength: Int { imageCount }
  /// None.
  public var brokenImageCount: Int { 0 }
}
