/// The images that one rank gets for one step.
public struct Batch: Sendable, Equatable {
  /// `[N, H, W, 3]`: red, green, blue of the images one after another.
  public let pixels: [UInt8]
  /// The class of each image.
  public let labels: [Int]
  /// The number of each image in its folder; a broken image's place has that of its stand-in.
  public let images: [Int]
  /// The side of an image in pixels.
  public let imageSize: Int
  /// The position of the first sample of the whole batch of all ranks, counted from the start of
  /// training.
  public let position: Int
  /// Where to start to get the batch after this one.
  public let nextPosition: Int
  /// The epoch of the first sample of the whole batch, from 0.
  public let epoch: Int

  /// N.
  public var count: Int { labels.count }
}

/// An image that could not be read; another was taken in its place.
public struct BrokenImage: Sendable, Equatable {
  /// Its file.
  public let path: String
  /// What is wrong, with the path.
  public let reason: String
}
