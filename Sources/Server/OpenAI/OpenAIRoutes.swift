internal import Files
internal import HTTPTypes
internal import Hummingbird

/// The routes of OpenAI's Images API.
struct OpenAIRoutes: Sendable {
  let parts: ServerParts

  /// The routes.
  var routes: [Route] {
    [
      Route(
        method: .post, path: "/v1/images/generations", operation: .createImages, handler: generate),
      Route(method: .get, path: "/v1/models", operation: .models, handler: models),
      Route(method: .get, path: "/v1/models/{id}", operation: .model, handler: model),
    ]
  }

  @Sendable private func generate(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let fields = try await request.jsonObject(limit: parts.settings.bodyLimit)
    let model = try await parts.model()
    let wish = try ImageGeneration(fields, model)
    let (job, events) = try await parts.service.start(wish.request)
    // A proxy that adds TLS says so.
    let proxied = HTTPField.Name("X-Forwarded-Proto").flatMap { request.headers[$0] }
    let scheme = proxied == "https" ? "https" : "http"
    let base = "\(scheme)://\(request.head.authority ?? "localhost")"
    let writer = GenerationWriter(wish: wish, model: model, base: base)
    let service = parts.service
    guard wish.isStream else {
      context.onClose { Task { await service.cancel(job.id) } }
      return try await whole(events, writer)
    }
    return EventStream(events, context).response { isWhole in
      if !isWhole { await service.cancel(job.id) }
    } _: {
      writer.events(for: $0)
    }
  }

  /// The response after the last event.
  private func whole(_ events: JobEvents, _ writer: GenerationWriter) async throws -> Response {
    var images: [Int: DrawnImage] = [:]
    for await event in events {
      switch event {
      case .image(let image, let index): images[index] = image
      case .failed(let message): throw GenerationWriter.failure(message)
      case .cancelled: throw GenerationWriter.cancelled
      case .queued, .step, .preview, .done: break
      }
    }
    return Response(try writer.response(images.sorted { $0.key < $1.key }.map(\.value)))
  }

  @Sendable private func models(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let model = try await parts.model()
    return Response(
      .object([("object", .string("list")), ("data", .array([OpenAIRoutes.json(model)]))]))
  }

  @Sendable private func model(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let (model, id) = (try await parts.model(), context.parameter("id"))
    guard id == model.name else {
      throw APIError(
        .notFound, "model_not_found",
        "there is no model '\(id.clipped)': this server has '\(model.name)'", parameter: "model")
    }
    return Response(OpenAIRoutes.json(model))
  }

  private static func json(_ model: ModelDescription) -> JSON {
    .object([
      ("id", .string(model.name)), ("object", .string("model")),
      ("created", .integer(model.loadTime)), ("owned_by", .string("dit")),
    ])
  }
}
