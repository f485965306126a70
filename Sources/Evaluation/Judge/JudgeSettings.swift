/// How a judge is trained: with the images, these settings decide its weights.
public struct JudgeSettings: Sendable, Equatable {
  /// Height and width in pixels of the images that will be judged; those of the folder are cropped to it
  /// first.
  public var imageSize: Int
  /// Decides the images that are held out, the first weights, the order of images and their shifts.
  public var seed: UInt64
  /// The share of each class, 0 ..< 1, that is held out, at least one image where there are several.
  public var heldOutShare: Double

  /// Images seen in training, each as often as it is seen; nil for a hundred passes, but 6,400 at least and
  /// 100,000 at most.
  public var sampleCount: Int?

  /// Settings for images of a size.
  public init(
    imageSize: Int = 64, seed: UInt64 = 0, heldOutShare: Double = 0.1, sampleCount: Int? = nil
  ) {
    self.imageSize = imageSize
    self.seed = seed
    self.heldOutShare = heldOutShare
    self.sampleCount = sampleCount
  }

  /// Height and width of the images that the network sees: images of any size are resized.
  var inputSize: Int { imageSize < 64 ? 32 : 64 }

  /// The most images of a folder that are used, so that memory and time are bounded; of more, a part is
  /// drawn.
  static let imageLimit = 20_000
}

/// What a judge is.
public struct JudgeSummary: Sendable, Equatable {
  /// The names of the classes, by number; empty if the folder has a table of numbers.
  public let classNames: [String]
  /// K.
  public let classCount: Int
  /// Images that it was trained on.
  public let trainingCount: Int
  /// Images that were held out.
  public let heldOutCount: Int
  /// The share of the held-out images, 0 ... 1, that it takes for their class; 0 if none was held out.
  public let heldOutAccuracy: Double
  /// SHA-256 of the images used, with their names and classes.
  public let imageDigest: String
  /// How it was trained.
  public let settings: JudgeSettings
}

/// What happens while a judge is made.
public enum JudgeEvent: Sendable, Equatable {
  /// Images of the folder have been read.
  case reading(done: Int, of: Int)
  /// A step of training has been taken.
  case training(step: Int, of: Int, loss: Double)
  /// Training is over, and the judge was tried on the held-out images.
  case trained(JudgeSummary)
}
