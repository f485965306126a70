internal import Files
internal import Foundation
internal import HTTPTypes
internal import ImageData
internal import Pipeline

/// Writes what OpenAI's Images API answers.
struct GenerationWriter: Sendable {
  /// The request.
  let wish: ImageGeneration
  /// The model that draws.
  let model: ModelDescription
  /// What the paths of URLs follow.
  let base: String

  /// The response with all images.
  func response(_ images: [DrawnImage]) throws -> JSON {
    let data = try images.map { image -> JSON in
      .object(try content(image) + [("revised_prompt", name(image)), ("seed", seed(image))])
    }
    return .object(
      [("created", .integer(GenerationWriter.now)), ("data", .array(data))] + form
        + [("usage", GenerationWriter.usage)])
  }

  private func content(_ image: DrawnImage) throws -> [(key: String, value: JSON)] {
    switch wish.responseFormat {
    case .base64:
      [("b64_json", .string(try wish.format.encode(image, quality: wish.quality).base64))]
    case .url:
      [("url", .string(base + JobJSON.path(of: image.id, wish.format.suffix)))]
    }
  }

  /// The events for one of the job's.
  func events(for event: JobEvent) -> [ServerSentEvent] {
    do {
      switch event {
      case .preview(let preview):
        let bytes = try wish.format.encode(preview.image, quality: wish.quality)
        return [
          named(
            "image_generation.partial_image",
            [
              ("partial_image_index", .integer(preview.number)),
              ("b64_json", .string(bytes.base64)), ("image_index", .integer(preview.index)),
            ])
        ]
      case .image(let image, let index):
        let bytes = try wish.format.encode(image, quality: wish.quality)
        let url = wish.responseFormat == .url ? try content(image) : []
        return [
          named(
            "image_generation.completed",
            [
              ("b64_json", .string(bytes.base64)), ("image_index", .integer(index)),
              ("seed", seed(image)), ("usage", GenerationWriter.usage),
            ] + url)
        ]
      case .failed(let message): return [error(GenerationWriter.failure(message))]
      case .cancelled: return [error(GenerationWriter.cancelled)]
      case .queued, .step, .done: return []
      }
    } catch {
      return [self.error(GenerationWriter.failure("an image could not be encoded"))]
    }
  }

  private func named(
    _ name: String, _ members: [(key: String, value: JSON)]
  ) -> ServerSentEvent {
    ServerSentEvent(
      name: name,
      data: .object(
        [("type", .string(name)), ("created_at", .integer(GenerationWriter.now))] + form + members))
  }

  private func error(_ error: APIError) -> ServerSentEvent {
    guard case .object(let members) = error.json else {
      return ServerSentEvent(name: "error", data: error.json)
    }
    return ServerSentEvent(
      name: "error", data: .object([("type", .string("error"))] + members))
  }

  private var form: [(key: String, value: JSON)] {
    [
      ("background", .string("opaque")), ("output_format", .string(wish.format.rawValue)),
      ("quality", .string("high")), ("size", .string(model.sizeText)),
    ]
  }

  private func name(_ image: DrawnImage) -> JSON {
    .string(model.classNames.name(of: image.identity.label))
  }

  private func seed(_ image: DrawnImage) -> JSON { JobJSON.seed(image.identity.seed) }

  private static var now: Int { Int(Date().timeIntervalSince1970) }

  /// There are no tokens; OpenAI's client wants the numbers.
  private static let usage = JSON.object([
    ("input_tokens", .integer(0)),
    (
      "input_tokens_details",
      .object([("image_tokens", .integer(0)), ("text_tokens", .integer(0))])
    ), ("output_tokens", .integer(0)), ("total_tokens", .integer(0)),
  ])

  /// Drawing failed.
  static func failure(_ message: String) -> APIError {
    APIError(.internalServerError, "drawing_failed", message)
  }

  /// Somebody else cancelled the job.
  static let cancelled = APIError(.gone, "cancelled", "the job was cancelled")
}
