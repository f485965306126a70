import Files
import Foundation
import Hummingbird
import ServiceLifecycle
import Testing

@testable import Server

/// How a server ends.
@Suite(.serialized) struct DrainTests {
  /// Runs a server in a service group, whose shut-down is that of a signal. With a time to fetch images it is
  /// there for the whole of `body`, and is stopped then.
  private func drain(
    _ timeout: Duration, fetchTime: Duration = .zero,
    routes: (Router<ServerContext>) -> Void = { _ in },
    _ body: @Sendable (ServedModel, ServiceGroup) async throws -> Void
  ) async throws {
    var settings = ServerSettings(port: 0)
    (settings.drainTimeout, settings.fetchTime) = (timeout, fetchTime)
    let service = ImageService(ServedModel.settings, logger: ServedModel.quiet)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let server = ImageServer(
      service, settings, metrics: PrometheusMetrics(), logger: ServedModel.quiet,
      onListening: { continuation.yield($0.port) }, routes: routes)
    let group = ServiceGroup(
      services: [Unsignalled(server: server)], logger: ServedModel.quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      let port = await ports.first { _ in true }
      while await service.model == nil { try await Task.sleep(for: .milliseconds(5)) }
      try await body(
        ServedModel(port: try #require(port), service: service, server: server), group)
      if fetchTime > .zero { tasks.cancelAll() }
      try await tasks.waitForAll()
    }
  }

  private struct Unsignalled: Service {
    let server: ImageServer
    func run() async throws { try await server.run(handlesSignals: false) }
  }

  @Test func finishesWhatRunsAndRefusesWhatComes() async throws {
    try await drain(.seconds(600), fetchTime: .seconds(600)) { server, group in
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

  @Test func imagesCanBeFetchedAfterTheLastJob() async throws {
    try await drain(.seconds(600), fetchTime: .seconds(600)) { server, group in
      let job = try await server.post("/api/v1/jobs", #"{"prompt": 1, "steps": 100}"#).json
      await group.triggerGracefulShutdown()
      let done = try await server.finish(try #require(job["id"].string))
      #expect(done["status"].string == "done")
      let url = try #require(done["images"][0]["url"].string)
      #expect(try await server.ask("GET", url).status == 200)
    }
  }

  /// The last bytes of a response, handed over before the end, reach a client that reads them later.
  @Test func sendsResponsesWhole() async throws {
    let size = 24 << 20
    try await drain(
      .seconds(60),
      routes: { router in
        router.get("big") { _, _ in
          Response(
            status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(repeating: 7, count: size)))
        }
      }
    ) { server, group in
      let connection = try RawConnection(port: server.port, receiveBuffer: 64 << 10)
      try await connection.send(server.head("GET", "/big"))
      // The response is handed over; the system takes a part of it.
      try await Task.sleep(for: .milliseconds(300))
      await group.triggerGracefulShutdown()
      try await Task.sleep(for: .milliseconds(300))
      var reader = HTTPReader(connection)
      let answer = try #require(try await reader.answer())
      #expect(answer.body.count == size)
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
      #expect(try await answer.status == 500)
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
