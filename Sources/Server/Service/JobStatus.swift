/// A job of an `ImageService`, as it stands.
public struct JobStatus: Sendable, Equatable, Identifiable {
  /// The state of a job.
  public enum State: String, Sendable, Codable, CaseIterable {
    /// It waits.
    case queued
    /// Some of its images are being drawn.
    case running
    /// All images are there.
    case done
    /// It ended with an error.
    case failed
    /// It was cancelled.
    case cancelled

    /// Whether it stays so.
    public var isFinal: Bool { self == .done || self == .failed || self == .cancelled }
  }

  /// Names the job: 32 hexadecimal digits that cannot be guessed.
  public let id: String
  /// The request.
  public let request: ImageRequest
  /// The state.
  public internal(set) var state = State.queued
  /// The jobs that are taken before it, while it waits; else nil.
  public internal(set) var position: Int?
  /// The steps that its images have taken; of several batches those of the last begun.
  public internal(set) var step = 0
  /// The steps of an image; nil if the sampler chooses them on its way.
  public internal(set) var stepCount: Int?
  /// The share of the way from noise to data, 0 ... 1.
  public internal(set) var progress = 0.0
  /// Seconds until it is done; nil while nothing is known.
  public internal(set) var secondsLeft: Double?
  /// The images that are there, by their place in the request.
  public internal(set) var images: [Int: ImageIdentity] = [:]
  /// What went wrong, of a failed job.
  public internal(set) var error: String?

  init(id: String, request: ImageRequest) {
    self.id = id
    self.request = request
  }
}

/// Names an image that was drawn.
public struct ImageIdentity: Sendable, Equatable, Hashable {
  /// 32 hexadecimal digits that cannot be guessed.
  public let id: String
  /// The class.
  public let label: Int
  /// The seed of its noise.
  public let seed: UInt64
}

/// An image that was drawn.
public struct DrawnImage: Sendable, Identifiable {
  /// Its name, class and seed.
  public let identity: ImageIdentity
  /// The PNG file, with the record of how it was made.
  public let png: [UInt8]

  /// The name.
  public var id: String { identity.id }
}
