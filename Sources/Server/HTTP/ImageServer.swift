internal import Files
internal import Foundation
internal import HTTPTypes
public import Hummingbird
internal import HummingbirdCore
public import Logging
internal import Metrics
internal import NIOCore
public import ServiceLifecycle
internal import UnixSignals

/// Serves an `ImageService` over HTTP: OpenAI's Images API, a native one with live previews, some routes of
/// Stable Diffusion web UI, a page, metrics.
public struct ImageServer: Service {
  /// Where a server listens.
  public struct Address: Sendable, Equatable {
    /// The host of its settings.
    public let host: String
    /// The port.
    public let port: Int

    /// What a browser opens.
    public var url: String {
      let host = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
      return "http://\(host.contains(":") ? "[\(host)]" : host):\(port)/"
    }
  }

  private let service: ImageService
  private let settings: ServerSettings
  private let logger: Logger
  private let responder: RouterResponder<ServerContext>
  private let phase: ServerPhase
  private let onListening: @Sendable (Address) async -> Void
  let table: RouteTable

  /// A server.
  ///
  /// - Parameters:
  ///   - service: draws; `run()` runs it too.
  ///   - settings: where to listen, who may use it, and limits.
  ///   - metrics: what `/metrics` shows; the service should count in the same.
  ///   - logger: told of requests that fail in the server.
  ///   - onListening: called once clients can connect; the model may not be loaded yet.
  ///   - routes: adds routes of one's own, which are checked as the others are.
  public init(
    _ service: ImageService, _ settings: ServerSettings = ServerSettings(),
    metrics: PrometheusMetrics = .shared, logger: Logger = Logger(label: "dit.server"),
    onListening: @escaping @Sendable (Address) async -> Void = { _ in },
    routes: (Router<ServerContext>) -> Void = { _ in }
  ) {
    (self.service, self.settings, self.logger) = (service, settings, logger)
    self.onListening = onListening
    phase = ServerPhase()
    let parts = ServerParts(service: service, settings: settings, metrics: metrics)
    let gate = RequestGate(settings)
    table = RouteTable.all(parts, phase, needsToken: gate.needsToken)
    let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
    router.add(
      middleware: RequestFrame(gate: gate, routes: table, metrics: metrics, logger: logger))
    table.add(to: router)
    routes(router)
    responder = router.buildResponder()
  }

  /// Runs the service and the server until SIGTERM or SIGINT, cancellation, or the graceful shutdown of a
  /// service group around it.
  ///
  /// At the first signal new jobs are refused, and those that are there go on, up to the drain timeout; a
  /// second signal cancels them.
  ///
  /// - Throws: `ServerError`; what `ImageService.run()` throws.
  public func run() async throws { try await run(handlesSignals: true) }

  /// Runs as `run()` does.
  ///
  /// - Parameter handlesSignals: whether signals end it.
  /// - Throws: as `run()`.
  public func run(handlesSignals: Bool) async throws {
    try settings.check()
    let group = ServiceGroup(configuration: groupConfiguration)
    guard handlesSignals else {
      try await group.run()
      return
    }
    try await withThrowingTaskGroup(of: Bool.self) { tasks in
      let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
      tasks.addTask {
        try await group.run()
        return true
      }
      tasks.addTask {
        var isFirst = true
        for await signal in signals {
          logger.info(
            "\(signal): \(isFirst ? "the jobs that are there go on" : "they are cancelled")")
          if isFirst {
            await group.triggerGracefulShutdown()
          } else {
            await service.drain(timeout: .zero)
          }
          isFirst = false
        }
        return false
      }
      while let isOver = try await tasks.next(), !isOver {}
      tasks.cancelAll()
    }
  }

  private var groupConfiguration: ServiceGroupConfiguration {
    // The last one is shut down first.
    let services: [any Service] = [
      LastingService(service: service), HTTPService(run: listen),
      Drain(service: service, phase: phase, settings: settings),
    ]
    var quiet = logger
    // At the end of a run they tell of each other's ends as of errors.
    quiet.logLevel = .critical
    var configuration = ServiceGroupConfiguration(
      services: services.map { .init(service: $0) }, logger: quiet)
    configuration.maximumGracefulShutdownDuration = settings.drainTimeout + .seconds(10)
    return configuration
  }

  @Sendable private func listen() async throws {
    var quiet = logger
    // At the end of a run they tell of each other's ends as of errors.
    quiet.logLevel = .critical
    let settings = settings
    var channel = HTTP1Channel.Configuration(
      additionalChannelHandlers: [ConnectionGuard(settings)],
      // Later than `ConnectionGuard`, which answers.
      idleTimeout: TimeAmount(settings.readTimeout * 5 / 4))
    channel.httpDecoder = HTTP1Channel.Configuration.DecoderConfiguration(
      maxHeaderFieldSize: settings.headLimit / 4, maxHeaderListSize: settings.headLimit,
      maxHeaderFieldCount: 100)
    var configuration = ApplicationConfiguration(
      address: .hostname(settings.host, port: settings.port), reuseAddress: true)
    configuration.availableConnectionsDelegate = .maximum(settings.connectionLimit, logger: quiet)
    let application = Application(
      responder: responder, server: .http1(configuration: channel), configuration: configuration,
      onServerRunning: { [host = settings.host, port = settings.port, onListening] channel in
        await onListening(Address(host: host, port: channel.localAddress?.port ?? port))
      }, logger: quiet)
    do {
      try await application.run()
    } catch let error as IOError {
      throw ServerError(
        .address,
        "cannot listen at \(settings.host), port \(settings.port): \(String(cString: strerror(error.errnoCode)))"
      )
    } catch let error where error is SocketAddressError || error is SocketAddressError.UnknownHost {
      throw ServerError(.address, "there is no address '\(settings.host)'")
    }
  }
}

extension RouteTable {
  /// All routes of a server.
  static func all(_ parts: ServerParts, _ phase: ServerPhase, needsToken: Bool) -> RouteTable {
    let routes =
      NativeRoutes(parts: parts).routes + OpenAIRoutes(parts: parts).routes
      + WebUIRoutes(parts: parts).routes + SystemRoutes(parts: parts, phase: phase).routes
    let service = parts.service
    let description = Route(method: .get, path: "/openapi.json", operation: .openAPI) { _, _ in
      let table = RouteTable(routes: routes + [RouteTable.descriptionRoute])
      let document = OpenAPIDocument(
        routes: table, model: await service.model, needsToken: needsToken)
      return Response(document.json)
    }
    return RouteTable(routes: routes + [description])
  }

  /// The route of the description, for the description alone.
  private static let descriptionRoute = Route(
    method: .get, path: "/openapi.json", operation: .openAPI
  ) { _, _ in Response(.null) }
}
