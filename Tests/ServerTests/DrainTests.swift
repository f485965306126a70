import Files
import Foundation
import ServiceLifecycle
import Testing

@testable import Server

/// How a server ends.
@Suite(.serialized) struct DrainTests {
  /// Runs a server in a service group, whose shut-down is that of a signal.
  private func drain(
    _ timeout: Duration, _ body: @Sendable (ServedModel, ServiceGroup) async throws -> Void
  ) async throws {
    var settings = ServerSettings(port: 0)
    settings.drainTimeout = timeout
    let service = ImageService(ServedModel.settings, logger: ServedModel.quiet)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let server = ImageServer(
      service, settings, metrics: PrometheusMetrics(), logger: ServedModel.quiet,
      onListening: { continuation.yield($0.port) })
    let group = ServiceGroup(
      services: [Unsignalled(server: server)], logger: ServedModel.quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      let port = await ports.first { _ in true }
      while await service.model == nil { try await Task.sleep(for: .milliseconds(5)) }
      try await body(
        ServedModel(port: try #require(port), service: service, server: server), group)
      try await tasks.waitForAll()
    }
  }

  private struct Unsignalled: Service {
    let server: ImageServer
    func run() async throws { try await server.run(handlesSignals: false) }
  }

  @Test func finishesWhatRunsAndRefusesWhatComes() async throws {
    try await drain(.seconds(60)) { server, group in
      async let answer = server.post(
        "/v1/images/generations", #"{"prompt": 1, "steps": 100}"#)
      while await server.service.runningJobs().isEmpty {
        try await Task.sleep(for: .milliseconds(5))
      }
      await group.triggerGracefulShutdown()
      var refused = HTTPAnswer()
      while refused.status != 503 {
        refused = try await server.post("/api/v1/jobs", #"{"prompt": 1, "steps": 1}"#)
      }
      #expect(try refused.json["error"]["code"].string == "ending")
      #expect(refused.headers["retry-after"] != nil)
      #expect(try await server.ask("GET", "/healthz").text == #"{"status":"ending"}"#)
      #expect(try await answer.status == 200)
    }
  }

  @Test func cancelsWhatTakesTooLong() async throws {
    try await drain(.milliseconds(200)) { server, group in
      async let answer = server.post(
        "/v1/images/generations", #"{"prompt": 1, "steps": 1000, "n": 16}"#)
      while await server.service.runningJobs().isEmpty {
        try await Task.sleep(for: .milliseconds(5))
      }
      await group.triggerGracefulShutdown()
      #expect(try await answer.status == 410)
    }
  }

  @Test func saysWhyItDoesNotListen() async throws {
    try await ServedModel.run { other in
      let server = ImageServer(
        ImageService(ServedModel.settings, logger: ServedModel.quiet),
        ServerSettings(port: other.port), metrics: PrometheusMetrics(), logger: ServedModel.quiet)
      await #expect(throws: ServerError.self) { try await server.run(handlesSignals: false) }
    }
  }

  @Test func saysThatItLoads() async throws {
    // The routes of a server whose service does not run.
    let parts = ServerParts(
      service: ImageService(ServedModel.settings), settings: ServerSettings(),
      metrics: PrometheusMetrics())
    await #expect(throws: APIError.self) { _ = try await parts.model() }
  }
}
