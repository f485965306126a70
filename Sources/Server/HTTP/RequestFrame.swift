internal import Metrics
internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// What is around every route: it checks who asks, words errors, adds the fields that keep browsers safe, and
/// counts.
struct RequestFrame: RouterMiddleware {
  typealias Context = ServerContext

  /// Lets requests through.
  let gate: RequestGate
  /// Knows which methods a path has, and which paths are open to all.
  let routes: RouteTable
  /// Counts requests.
  let metrics: any MetricsFactory
  /// Told of faults of the server's own.
  let logger: Logger

  func handle(
    _ request: Request, context: ServerContext,
    next: (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    var response = await respond(request, context, next)
    addSafeguards(to: &response)
    if request.method == .head { response = response.createHeadResponse() }
    count(response.status, of: context, since: start)
    return response
  }

  private func respond(
    _ request: Request, _ context: ServerContext,
    _ next: (Request, ServerContext) async throws -> Response
  ) async -> Response {
    let path = request.uri.path
    do {
      try gate.checkOrigin(of: request)
      if !routes.isOpen(context.endpointPath ?? "") { try gate.checkToken(of: request) }
      return try await next(request, context)
    } catch let error as APIError {
      return error.response(to: path)
    } catch let error as ServiceError {
      return APIError(error).response(to: path)
    } catch let error as HTTPError where error.status == .notFound && isUnrouted(context) {
      return unrouted(request).response(to: path)
    } catch let error as any HTTPResponseError {
      // Of a route that is not the server's own.
      if let response = try? error.response(from: request, context: context) { return response }
      return APIError(error.status, nil, error.status.reasonPhrase).response(to: path)
    } catch is CancellationError {
      return APIError(.serviceUnavailable, "ending", "the server is shutting down")
        .response(to: path)
    } catch {
      logger.error("\(request.method) \(context.endpointPath ?? ""): \(error)")
      return APIError(
        .internalServerError, "internal_error", "something went wrong; the server's log says what"
      ).response(to: path)
    }
  }

  private func isUnrouted(_ context: ServerContext) -> Bool { context.endpointPath == "NotFound" }

  /// No route has the path, or none with that method.
  private func unrouted(_ request: Request) -> APIError {
    let methods = routes.methods(of: request.uri.path)
    guard !methods.isEmpty else {
      return .notFound("there is nothing here; GET /openapi.json lists what there is")
    }
    let allowed = methods.map(\.rawValue).joined(separator: ", ")
    return APIError(
      .methodNotAllowed, "method_not_allowed", "here goes \(allowed)", headers: [.allow: allowed])
  }

  private func addSafeguards(to response: inout Response) {
    func add(_ name: HTTPField.Name, _ value: String) {
      if response.headers[name] == nil { response.headers[name] = value }
    }
    response.headers[.xContentTypeOptions] = "nosniff"
    add(.contentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
    add(.crossOriginResourcePolicy, "same-origin")
    add(.cacheControl, "no-store")
    for (name, value) in [("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY")] {
      if let name = HTTPField.Name(name) { add(name, value) }
    }
  }

  private func count(
    _ status: HTTPResponse.Status, of context: ServerContext, since start: ContinuousClock.Instant
  ) {
    let route = isUnrouted(context) ? "other" : context.endpointPath ?? "other"
    let labels = [("route", route), ("status", String(status.code))]
    Counter(label: "dit_http_requests_total", dimensions: labels, factory: metrics).increment()
    Metrics.Timer(
      label: "dit_http_request_seconds", dimensions: [("route", route)], factory: metrics
    ).recordSeconds(Double(start.duration(to: .now) / .seconds(1)))
  }
}
