internal import Files
internal import Hummingbird
internal import ImageData

/// What the routes share.
struct ServerParts: Sendable {
  /// Draws.
  let service: ImageService
  /// The limits.
  let settings: ServerSettings
  /// What is counted.
  let metrics: PrometheusMetrics

  /// The model.
  ///
  /// - Throws: `APIError` while it is loaded.
  func model() async throws -> ModelDescription {
    guard let model = await service.model else {
      throw APIError(ServiceError(.loading, "the model is being loaded"))
    }
    return model
  }
}

extension ImageService {
  /// Takes a job and listens to it from its start.
  ///
  /// - Throws: as `submit`.
  public func start(
    _ request: ImageRequest
  ) throws(ServiceError) -> (job: JobStatus, events: JobEvents) {
    let job = try submit(request)
    guard let events = events(of: job.id) else {
      throw ServiceError(.unknown, "the job is gone")
    }
    return (job, events)
  }
}

/// The forms that images are sent in.
enum ImageFormat: String, CaseIterable, Sendable {
  case png
  case jpeg

  /// The quality of JPEG if none is given.
  static let standardQuality = 90

  /// The media type.
  var mediaType: String { "image/\(rawValue)" }
  /// The end of a file's name.
  var suffix: String { self == .png ? "png" : "jpg" }

  /// A drawn image in this form. PNG keeps the record of how it was made.
  func encode(_ image: DrawnImage, quality: Int = standardQuality) throws -> [UInt8] {
    switch self {
    case .png: image.png
    case .jpeg:
      try image.png.withUnsafeBytes { try RGBImage(decoding: $0) }.jpeg(quality: quality)
    }
  }

  /// A preview in this form.
  func encode(_ image: RGBImage, quality: Int = standardQuality) throws -> [UInt8] {
    switch self {
    case .png: try image.png()
    case .jpeg: try image.jpeg(quality: quality)
    }
  }
}
