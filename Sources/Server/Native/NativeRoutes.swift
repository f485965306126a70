internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import Pipeline

/// The server's own API: jobs, their events, and images.
struct NativeRoutes: Sendable {
  let parts: ServerParts

  /// The routes.
  var routes: [Route] {
    [
      Route(method: .post, path: "/api/v1/jobs", operation: .createJob, handler: create),
      Route(method: .get, path: "/api/v1/jobs/{id}", operation: .showJob, handler: show),
      Route(method: .delete, path: "/api/v1/jobs/{id}", operation: .cancelJob, handler: cancel),
      Route(method: .get, path: "/api/v1/jobs/{id}/events", operation: .jobEvents, handler: events),
      image(.png, .pngImage), image(.jpeg, .jpegImage),
      Route(method: .get, path: "/api/v1/classes", operation: .classes, handler: classes),
      Route(
        method: .get, path: "/api/v1/capabilities", operation: .capabilities, handler: capabilities),
    ]
  }

  @Sendable private func create(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let fields = try await request.jsonObject(limit: parts.settings.bodyLimit)
    let model = try await parts.model()
    let job = try await parts.service.submit(ImageFields(fields, model).request())
    return Response(
      JobJSON(model: model).job(job), status: .accepted,
      headers: [.location: "/api/v1/jobs/\(job.id)"])
  }

  @Sendable private func show(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await response(to: await parts.service.job(context.parameter("id")))
  }

  @Sendable private func cancel(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await response(to: await parts.service.cancel(context.parameter("id")))
  }

  private func response(to job: JobStatus?) async throws -> Response {
    guard let job else { throw NativeRoutes.noJob }
    return Response(JobJSON(model: try await parts.model()).job(job))
  }

  private static let noJob = APIError.notFound(
    "there is no such job; results are kept for some minutes")

  @Sendable private func events(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let id = context.parameter("id")
    guard let events = await parts.service.events(of: id) else { throw NativeRoutes.noJob }
    let json = JobJSON(model: try await parts.model())
    let counter = EventCounter()
    return EventStream(events, context).response { [service = parts.service] event in
      let job = event.isFinal ? await service.job(id) : nil
      return json.event(event, job, number: counter.next()).map { [$0] } ?? []
    }
  }

  private func image(_ format: ImageFormat, _ operation: Operation) -> Route {
    Route(
      method: .get, path: "/api/v1/images/{id}.\(format.suffix)", isOpen: true, operation: operation
    ) { [service = parts.service] _, context in
      let id = context.parameter("id").prefix { $0 != "." }
      guard let image = await service.image(String(id)) else {
        throw APIError.notFound("there is no such image; results are kept for some minutes")
      }
      return Response(
        try format.encode(image), type: format.mediaType,
        headers: [.cacheControl: "private, max-age=600, immutable"])
    }
  }

  @Sendable private func classes(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let names = try await parts.model().classNames
    let classes = names.spellings.enumerated().map { id, spellings in
      let name = names.name(of: id)
      return JSON.object([
        ("id", .integer(id)), ("name", .string(name)),
        ("synonyms", .array(spellings.filter { $0 != name }.map(JSON.string))),
      ])
    }
    return Response(.object([("classes", .array(classes))]))
  }

  @Sendable private func capabilities(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    Response(Capabilities(model: try await parts.model(), settings: parts.settings).json)
  }
}
