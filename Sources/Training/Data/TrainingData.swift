public import Torch

/// The rows of one micro-batch of this rank.
public struct TrainingBatch {
  /// Images `[N, 3, H, W]` in -1 ... 1, or cached latents.
  public let content: Content
  /// Classes, `[N]`, int64.
  public let labels: Tensor
  /// Seconds that the step waited for it.
  public let waitSeconds: Double

  /// What the rows are.
  public enum Content {
    /// `[N, 3, H, W]`
    case images(Tensor)
    /// Mean and, where there is a spread, log variance, each `[N, c, h, w]`.
    case moments(mean: Tensor, logVariance: Tensor?)
  }

  /// A batch.
  public init(_ content: Content, labels: Tensor, waitSeconds: Double = 0) {
    self.content = content
    self.labels = labels
    self.waitSeconds = waitSeconds
  }

  /// The same on a device.
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

/// Gives batches in an order that a seed decides, from any place on.
public protocol TrainingData {
  /// Names of the classes, by number.
  var classNames: [String] { get }
  /// Images in an epoch.
  var imageCount: Int { get }
  /// Rows of an epoch, over all ranks: images, but for those that fill no whole step.
  var epochLength: Int { get }
  /// Images that this process could not read so far.
  var brokenImageCount: Int { get }
  /// Whether encoding draws noise.
  var hasPosterior: Bool { get }
  /// Goes to the place after the first `sampleCount` rows of the run, over all epochs and ranks.
  ///
  /// - Throws: when the data cannot be read any more.
  func seek(sampleCount: Int) throws
  /// The next micro-batch.
  ///
  /// - Returns: its rows, as many as a micro-batch has.
  /// - Throws: when too many images cannot be read.
  func next() throws -> TrainingBatch
}

extension TrainingData {
  /// The images.
  public var epochLength: Int { imageCount }
  /// None.
  public var brokenImageCount: Int { 0 }
}
