/// One rank's images of one step.
public struct Batch: Sendable, Equatable {
  /// RGB pixels of the images one after another, `[N, H, W, 3]`.
  public let pixels: [UInt8]
  /// The class of each image.
  public let labels: [Int]
  /// The number of each image in its folder; for a broken image, that of its replacement.
  public let images: [Int]
  /// The side of an image in pixels.
  public let imageSize: Int
  /// Position of the global batch's first sample, counted from the start of training.
  public let position: Int
  /// `startPosition` of the batch after this one.
  public let nextPosition: Int
  /// Epoch of the global batch's first sample, from 0.
  public let epoch: Int

  /// N.
  public var count: Int { labels.count }
}

/// An unreadable image; another one replaces it.
public struct BrokenImage: Error, Sendable, Equatable {
  /// Its file.
  public let path: String
  /// The reason, with the path.
  public let reason: String
}
