import Diffusion
import Files
import Foundation
import Hummingbird
import Logging
import Pipeline
import Synchronization
import TestSupport
import Testing

@testable import Server

/// A server over the small model that runs in this process.
struct ServedModel: Sendable {
  let port: Int
  let service: ImageService
  let server: ImageServer

  /// Tells nobody.
  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// The small model.
  static let pipeline = PipelineConfig(
    ditCheckpoint: SmallModel.dit, autoencoder: .file(SmallModel.vae))

  /// Two steps, so that tests are quick.
  static let settings = ServiceSettings(
    sampling: SamplingSettings(
      pipeline: pipeline,
      options: SamplingOptions(sampler: .ddim, stepCount: 2, guidance: Guidance(scale: 2))))

  /// Runs a server while `body` runs.
  static func run<Result: Sendable>(
    _ settings: ServerSettings = ServerSettings(), service: ServiceSettings = settings,
    routes: (Router<ServerContext>) -> Void = { _ in },
    _ body: @Sendable (ServedModel) async throws -> Result
  ) async throws -> Result {
    var settings = settings
    settings.port = 0
    let metrics = PrometheusMetrics()
    let service = ImageService(service, logger: quiet, metrics: metrics)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let server = ImageServer(
      service, settings, metrics: metrics, logger: quiet,
      onListening: { continuation.yield($0.port) },
      routes: routes)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { continuation.finish() }
        try await server.run(handlesSignals: false)
      }
      var port: Int?
      for await number in ports {
        port = number
        break
      }
      while await service.model == nil { try await Task.sleep(for: .milliseconds(5)) }
      let result = try await body(
        ServedModel(port: try #require(port), service: service, server: server))
      group.cancelAll()
      try? await group.waitForAll()
      return result
    }
  }

  /// Sends a request and reads the response.
  func ask(
    _ method: String, _ path: String, _ body: String? = nil, headers: [String: String] = [:]
  ) async throws -> HTTPAnswer {
    let connection = try RawConnection(port: port)
    try await connection.send(head(method, path, body: body, headers) + (body ?? ""))
    var reader = HTTPReader(connection)
    return try #require(try await reader.answer(toHead: method == "HEAD"))
  }

  /// The head of a request.
  func head(
    _ method: String, _ path: String, body: String? = nil, _ headers: [String: String] = [:]
  ) -> String {
    var fields = ["Host": "127.0.0.1:\(port)"]
    if let body {
      fields["Content-Type"] = "application/json"
      fields["Content-Length"] = "\(body.utf8.count)"
    }
    fields.merge(headers) { $1 }
    let lines = fields.filter { !$0.value.isEmpty }.map { "\($0.key): \($0.value)\r\n" }
    return "\(method) \(path) HTTP/1.1\r\n\(lines.joined())\r\n"
  }

  /// Posts JSON.
  func post(_ path: String, _ body: String) async throws -> HTTPAnswer {
    try await ask("POST", path, body)
  }

  /// A job once it has ended.
  func finish(_ id: String) async throws -> JSON {
    while true {
      let job = try await ask("GET", "/api/v1/jobs/\(id)").json
      if ["done", "failed", "cancelled"].contains(job["status"].string) { return job }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// The events of a stream, each as name and data.
  static func events(in text: String) throws -> [(name: String, data: JSON)] {
    try text.components(separatedBy: "\n\n").compactMap { block in
      let lines = block.split(separator: "\n")
      guard let name = lines.first(where: { $0.hasPrefix("event: ") }),
        let data = lines.first(where: { $0.hasPrefix("data: ") })
      else { return nil }
      let json = try Array(data.dropFirst(6).utf8).withUnsafeBytes { try JSON(reading: $0) }
      return (String(name.dropFirst(7)), json)
    }
  }
}
