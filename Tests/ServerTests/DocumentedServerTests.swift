internal import Foundation
internal import Hummingbird
internal import Server
internal import Testing

/// The servers of one's own in docs/SERVER.md, README.md and the article; `DocumentedBlockTests` compares.
@Suite struct DocumentedServerTests {
  @Test func servesARouteOfItsOwn() async throws {
    let (addresses, listening) = AsyncStream.makeStream(of: ImageServer.Address.self)
    let service = ImageService(ServiceSettings(), metrics: PrometheusMetrics.shared)
    let server = ImageServer(
      service, ServerSettings(port: 0), onListening: { listening.yield($0) },
      routes: { router in
        router.get("random.png") { _, _ in
          let wish = ImageRequest(label: .random(in: 0..<12), seed: .random(in: 0...UInt64.max))
          for await event in try await service.start(wish).events {
            guard case .image(let image, _) = event else { continue }
            let body = ResponseBody(byteBuffer: ByteBuffer(bytes: image.png))
            return Response(status: .ok, headers: [.contentType: "image/png"], body: body)
          }
          throw HTTPError(.internalServerError)
        }
      })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run(handlesSignals: false) }
      let address = try #require(await addresses.first { _ in true })
      while await service.model == nil { try await Task.sleep(for: .milliseconds(5)) }
      let served = ServedModel(port: address.port, service: service, server: server)
      let answer = try await served.ask("GET", "/random.png")
      #expect(answer.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
      group.cancelAll()
      try? await group.waitForAll()
    }
  }

  @Test func drawsWithoutHTTP() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let service = ImageService(ServiceSettings())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await service.run() }
      group.addTask {
        while await service.model == nil { try await Task.sleep(for: .milliseconds(20)) }
        let wish = ImageRequest(label: 2, seed: 42)
        for await event in try await service.start(wish).events {
          switch event {
          case .step(let step): print("\(Int(100 * step.progress)) %")
          case .image(let image, _): try Data(image.png).write(to: URL(filePath: path))
          default: break
          }
        }
        _ = await service.drain(timeout: .seconds(30))
      }
      try await group.waitForAll()
    }
    #expect(try Data(contentsOf: URL(filePath: path)).starts(with: [0x89, 0x50, 0x4E, 0x47]))
  }

  // Compiled alone: they listen at the documented port.

  func serves() async throws {
    let service = ImageService(ServiceSettings(), metrics: PrometheusMetrics.shared)
    let server = ImageServer(service, ServerSettings(host: "127.0.0.1", port: 8080))
    try await server.run()
  }

  // swift-format-ignore
  func servesARoute() async throws {
    let service = ImageService(ServiceSettings(), metrics: PrometheusMetrics.shared)
    let server = ImageServer(service, ServerSettings(port: 8080), routes: { router in
      router.get("random.png") { _, _ in
        let wish = ImageRequest(label: .random(in: 0..<12), seed: .random(in: 0...UInt64.max))
        for await event in try await service.start(wish).events {
          guard case .image(let image, _) = event else { continue }
          let body = ResponseBody(byteBuffer: ByteBuffer(bytes: image.png))
          return Response(status: .ok, headers: [.contentType: "image/png"], body: body)
        }
        throw HTTPError(.internalServerError)
      }
    })
    try await server.run()
  }
}
