internal import ServiceLifecycle

/// Runs a service, and stays until it is told to end: others still answer questions about it.
struct LastingService: Service {
  let service: ImageService

  func run() async throws {
    try await service.run()
    try? await gracefulShutdown()
  }
}

/// A service made of a function.
struct HTTPService: Service {
  let body: @Sendable () async throws -> Void

  init(run body: @escaping @Sendable () async throws -> Void) { self.body = body }

  func run() async throws { try await body() }
}

/// At a graceful shutdown, first refuses jobs and waits for those that are there, then for clients to fetch
/// the images.
struct Drain: Service {
  let service: ImageService
  let phase: ServerPhase
  let settings: ServerSettings

  func run() async throws {
    try? await gracefulShutdown()
    phase.end()
    guard !Task.isCancelled else { return }
    guard await service.drain(timeout: settings.drainTimeout) else { return }
    try? await Task.sleep(for: settings.fetchTime)
  }
}
