internal import Foundation
internal import Hummingbird
internal import Server
internal import Testing

/// The server of one's own in docs/SERVER.md and in README.md, line by line.
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

  /// The lines of the documents are those above.
  @Test(arguments: ["docs/SERVER.md", "README.md"])
  func isAsDocumented(_ document: String) throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let text = try String(
      contentsOf: folder.appending(path: "../../\(document)").standardized, encoding: .utf8)
    let blocks = text.matches(of: /(?s)```swift\n(.*?)```/)
      .filter { $0.output.1.contains("import Server\n") }
    func lines(_ text: some StringProtocol) -> [String] {
      text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    let known = Set(lines(source))
    let missing = blocks.flatMap { lines($0.output.1) }.filter {
      !known.contains($0) && !$0.hasPrefix("import ") && !$0.contains("ImageServer(")
        && $0 != "try await server.run()"
    }
    #expect(blocks.count == 1 && missing == [])
  }
}
