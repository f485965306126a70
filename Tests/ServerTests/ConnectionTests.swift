import Files
import Foundation
import Testing

@testable import Server

/// Requests that are malformed, too large or too slow, and clients that do not read.
@Suite(.serialized) struct ConnectionTests {
  @Test func refusesBodiesThatAreNoObjects() async throws {
    try await ServedModel.run { server async throws in
      let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
      for body in [
        "", "{", "[]", "1", "null", "{\"a\":}", "{\"prompt\": 1, \"prompt\": 2}", "{'a': 1}",
        "{\"prompt\": NaN}", "{} {}", "{\"prompt\": 01}", "{\"a\": \(deep)}", "\u{0}",
        "{\"prompt\": \"\\ud800\"}", "{\"prompt\": 1e999}",
      ] {
        let answer = try await server.post("/api/v1/jobs", body)
        #expect(answer.status == 400, "\(body)")
        #expect(try answer.json["error"]["code"].string == "invalid_json", "\(body)")
      }
      let form = try await server.ask(
        "POST", "/api/v1/jobs", "prompt=1",
        headers: ["Content-Type": "application/x-www-form-urlencoded"])
      #expect(form.status == 415)
    }
  }

  @Test func answersLargeBodiesThatTheClientSendsWhole() async throws {
    try await ServedModel.run { server async throws in
      let body = #"{"prompt": ""# + String(repeating: "x", count: 8 << 20) + #""}"#
      // With its length beforehand, and in chunks.
      let known = try RawConnection(port: server.port)
      try await known.send(server.head("POST", "/api/v1/jobs", body: body))
      try await known.send(body)
      var reader = HTTPReader(known)
      let answer = try #require(try await reader.answer())
      #expect(answer.status == 413)
      #expect(try answer.json["error"]["code"].string == "request_too_large")
      #expect(answer.headers["connection"] == "close")
      #expect(try await reader.answer() == nil)

      let chunked = try RawConnection(port: server.port)
      let headers = [
        "Content-Type": "application/json", "Transfer-Encoding": "chunked",
      ]
      try await chunked.send(server.head("POST", "/api/v1/jobs", headers))
      let chunk = "10000\r\n" + String(repeating: "[", count: 0x10000) + "\r\n"
      for _ in 0..<64 { try await chunked.send(chunk) }
      try await chunked.send("0\r\n\r\n")
      var other = HTTPReader(chunked)
      #expect(try await other.answer()?.status == 413)
    }
  }

  @Test func refusesWhatIsNoHTTP() async throws {
    try await ServedModel.run { server async throws in
      for (text, status) in [
        ("hello\r\n\r\n", 400), ("GET / HTTP/9.9\r\n\r\n", 505), ("\u{16}\u{3}\u{1}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nA: \(String(repeating: "x", count: 20000))\r\n\r\n", 431),
        ("POST /v1/models HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n no\r\n\r\n", 400),
      ] {
        let connection = try RawConnection(port: server.port)
        try await connection.send(text)
        var reader = HTTPReader(connection)
        let answer = try #require(try await reader.answer(), "\(text.prefix(20))")
        #expect(answer.status == status, "\(text.prefix(20))")
        #expect(try answer.json["error"].keys.count == 4)
        #expect(answer.headers["x-content-type-options"] == "nosniff")
      }
      // A chunk that is none, in the middle of a request.
      let connection = try RawConnection(port: server.port)
      let headers = ["Content-Type": "application/json", "Transfer-Encoding": "chunked"]
      try await connection.send(server.head("POST", "/api/v1/jobs", headers) + "zz\r\n")
      var reader = HTTPReader(connection)
      #expect(try await reader.answer()?.status == 400)
    }
  }

  @Test func keepsConnectionsForFurtherRequests() async throws {
    try await ServedModel.run { server async throws in
      let connection = try RawConnection(port: server.port)
      let request = server.head("GET", "/healthz")
      try await connection.send(request + request + server.head("GET", "/nothing"))
      var reader = HTTPReader(connection)
      for status in [200, 200, 404] {
        #expect(try await reader.answer()?.status == status)
      }
      let body = #"{"prompt": 1}"#
      try await connection.send(server.head("POST", "/v1/images/generations", body: body) + body)
      #expect(try await reader.answer()?.status == 200)
      try await connection.send(server.head("GET", "/healthz", ["Connection": "close"]))
      #expect(try await reader.answer()?.status == 200)
      #expect(try await reader.answer() == nil)
      // A client may wait to be asked for the body.
      let waiting = try RawConnection(port: server.port)
      try await waiting.send(
        server.head("POST", "/api/v1/jobs", body: body, ["Expect": "100-continue"]))
      var other = HTTPReader(waiting)
      #expect(try await other.answer()?.status == 100)
      try await waiting.send(body)
      #expect(try await other.answer()?.status == 202)
    }
  }

  @Test func dropsSlowSenders() async throws {
    var settings = ServerSettings()
    settings.readTimeout = .milliseconds(300)
    try await ServedModel.run(settings) { server async throws in
      // No head, half a head, half a body.
      let silent = try RawConnection(port: server.port)
      var reader = HTTPReader(silent)
      #expect(try await reader.answer() == nil)
      let half = try RawConnection(port: server.port)
      try await half.send("GET / HTTP/1.1\r\nHost:")
      reader = HTTPReader(half)
      #expect(try await reader.answer() == nil)
      let slow = try RawConnection(port: server.port)
      try await slow.send(server.head("POST", "/api/v1/jobs", body: "{}") + "{")
      reader = HTTPReader(slow)
      #expect(try await reader.answer()?.status == 408)
      #expect(try await reader.answer() == nil)
      // One that waits for its images is not slow.
      let body = #"{"prompt": 1, "steps": 100}"#
      #expect(try await server.post("/v1/images/generations", body).status == 200)
    }
  }

  @Test func dropsSlowReaders() async throws {
    var settings = ServerSettings()
    settings.writeTimeout = .milliseconds(300)
    try await ServedModel.run(settings) { server async throws in
      let connection = try RawConnection(port: server.port, receiveBuffer: 4096)
      // Descriptions are large enough to fill all buffers.
      let request = server.head("GET", "/openapi.json")
      var isOpen = true
      let start = ContinuousClock.now
      while isOpen, ContinuousClock.now - start < .seconds(30) {
        isOpen = try await connection.send(String(repeating: request, count: 20))
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(!isOpen)
      #expect(try await server.ask("GET", "/healthz").status == 200)
    }
  }

  @Test func limitsConnections() async throws {
    var settings = ServerSettings()
    settings.connectionLimit = 2
    try await ServedModel.run(settings) { server async throws in
      var held: [RawConnection] = []
      for _ in 0..<2 {
        let connection = try RawConnection(port: server.port)
        try await connection.send(server.head("GET", "/healthz"))
        var reader = HTTPReader(connection)
        #expect(try await reader.answer()?.status == 200)
        held.append(connection)
      }
      async let third = server.ask("GET", "/healthz")
      try await Task.sleep(for: .milliseconds(50))
      held = []
      #expect(try await third.status == 200)
      _ = held
    }
  }
}
