internal import Files
internal import HTTPTypes
internal import Hummingbird

/// The page, and what watches the server.
struct SystemRoutes: Sendable {
  let parts: ServerParts
  let phase: ServerPhase

  /// The routes but the description of all.
  var routes: [Route] {
    [
      Route(method: .get, path: "/", isOpen: true, operation: .page) { _, _ in
        Response(
          PageRoute.html, type: "text/html; charset=utf-8",
          headers: [
            .contentSecurityPolicy: PageRoute.contentSecurityPolicy, .cacheControl: "no-cache",
          ])
      },
      Route(method: .get, path: "/healthz", isOpen: true, operation: .health, handler: health),
      Route(method: .get, path: "/metrics", operation: .metrics) { [metrics = parts.metrics] _, _ in
        Response(
          Array(metrics.text.utf8), type: "text/plain; version=0.0.4; charset=utf-8")
      },
    ]
  }

  @Sendable private func health(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let isLoaded = await parts.service.model != nil
    let status = phase.isEnding ? "ending" : isLoaded ? "ok" : "loading"
    return Response(
      .object([("status", .string(status))]), status: status == "ok" ? .ok : .serviceUnavailable)
  }
}
