public import ImageData

/// What happens to a job.
public enum JobEvent: Sendable {
  /// It waits; so many jobs are taken before it.
  case queued(position: Int)
  /// Its images have taken a step.
  case step(JobStep)
  /// How an image looks so far.
  case preview(JobPreview)
  /// An image is there.
  case image(DrawnImage, index: Int)
  /// All images are there. The last event.
  case done
  /// It ended with an error. The last event.
  case failed(message: String)
  /// It was cancelled. The last event.
  case cancelled

  /// Whether no event follows.
  public var isFinal: Bool {
    switch self {
    case .done, .failed, .cancelled: true
    case .queued, .step, .preview, .image: false
    }
  }
}

/// A step that the images of a job have taken.
public struct JobStep: Sendable, Equatable {
  /// The steps taken, 1 or more.
  public let step: Int
  /// The steps of an image; nil if the sampler chooses them on its way.
  public let count: Int?
  /// The share of the way from noise to data, 0 ... 1.
  public let progress: Double
  /// Seconds until the job is done; nil while nothing is known.
  public let secondsLeft: Double?
}

/// How an image looks so far: the data that the model predicts at that step.
public struct JobPreview: Sendable, Equatable {
  /// The image's place in the request.
  public let index: Int
  /// The number of the preview of this image, from 0.
  public let number: Int
  /// The steps taken.
  public let step: Int
  /// The preview, of the size of the image.
  public let image: RGBImage
}
