import Files
import Foundation
import Hummingbird
import Testing

@testable import Server

/// Who may use a server.
@Suite(.serialized) struct AccessTests {
  @Test func readsHosts() {
    for (text, host, port) in [
      ("localhost:8080", "localhost", 8080), ("LOCALHOST.", "localhost", nil),
      ("[::1]:80", "::1", 80), ("[::1]", "::1", nil), ("10.0.0.1", "10.0.0.1", nil),
    ] as [(String, String, Int?)] {
      let name = HostName(authority: text)
      #expect(name?.text == host && name?.port == port, "\(text)")
    }
    for text in ["", ":80", "a b", "a:b", "a:70000", "a@b", "a/b", "::1", "a:", "é"] {
      #expect(HostName(authority: text) == nil, "\(text)")
    }
    #expect(HostName(origin: "https://a.example")?.port == 443)
    #expect(HostName(origin: "null") == nil && HostName(origin: "file://a") == nil)
    for text in ["127.0.0.1", "127.8.8.8", "localhost", "::1"] {
      #expect(HostName(text).isLoopback, "\(text)")
    }
    for text in ["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "127.0.0.1.example.com"] {
      #expect(!HostName(text).isLoopback, "\(text)")
    }
  }

  @Test func startsOnlyWhereItIsSafe() throws {
    func reason(_ settings: ServerSettings) -> ServerError.Reason? {
      do {
        try settings.check()
        return nil
      } catch {
        return error.reason
      }
    }
    #expect(reason(ServerSettings()) == nil)
    #expect(reason(ServerSettings(host: "0.0.0.0")) == .missingToken)
    #expect(reason(ServerSettings(host: "example.com")) == .missingToken)
    #expect(reason(ServerSettings(host: "0.0.0.0", token: "secret")) == nil)
    #expect(reason(ServerSettings(token: "")) == .badToken)
    #expect(reason(ServerSettings(token: "a b")) == .badToken)
    #expect(reason(ServerSettings(port: 65536)) == .address)
  }

  @Test func asksForTheToken() async throws {
    try await ServedModel.run(ServerSettings(token: "s3cret")) { server async throws in
      func status(_ path: String, _ authorization: String?) async throws -> Int {
        try await server.ask(
          "GET", path, headers: authorization.map { ["Authorization": $0] } ?? [:]
        ).status
      }
      for path in [
        "/api/v1/classes", "/v1/models", "/sdapi/v1/options", "/metrics", "/openapi.json",
      ] {
        #expect(try await status(path, nil) == 401, "\(path)")
        #expect(try await status(path, "Bearer s3cret") == 200, "\(path)")
      }
      for wrong in ["Bearer s3cre", "Bearer s3cret2", "bearer", "Basic czNjcmV0", "s3cret"] {
        #expect(try await status("/v1/models", wrong) == 401, "\(wrong)")
      }
      // As the password of any user.
      let basic = "Basic " + Data("me:s3cret".utf8).base64EncodedString()
      #expect(try await status("/v1/models", basic) == 200)
      for path in ["/", "/healthz"] { #expect(try await status(path, nil) == 200) }
      let refused = try await server.ask("GET", "/api/v1/classes")
      #expect(refused.headers["www-authenticate"] == "Bearer")
      #expect(try refused.json["error"]["type"].string == "authentication_error")
      // Who does not know the token learns not even which routes there are.
      #expect(try await status("/nothing", nil) == 401)

      let job = try await server.ask(
        "POST", "/api/v1/jobs", #"{"prompt": 1}"#, headers: ["Authorization": "Bearer s3cret"]
      ).json
      var events: [JobEvent] = []
      let id = try #require(job["id"].string)
      for await event in try #require(await server.service.events(of: id)) { events.append(event) }
      let images = try #require(await server.service.job(id)).images
      let image = try #require(images[0])
      #expect(try await status("/api/v1/images/\(image.id).png", nil) == 200)
    }
  }

  @Test func checksHostAndOrigin() async throws {
    try await ServedModel.run(ServerSettings(allowedHosts: ["box.example"])) {
      server async throws in
      func status(_ method: String, _ headers: [String: String]) async throws -> Int {
        let body = method == "POST" ? "{}" : nil
        let path = method == "POST" ? "/sdapi/v1/options" : "/healthz"
        return try await server.ask(method, path, body, headers: headers).status
      }
      for host in [
        "localhost", "localhost:1", "127.0.0.1", "[::1]", "box.example:8080", "10.1.2.3",
      ] {
        #expect(try await status("GET", ["Host": host]) == 200, "\(host)")
      }
      for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"] {
        #expect(try await status("GET", ["Host": host]) == 403, "\(host)")
      }
      for host in ["", "a b", "a@localhost"] {
        #expect(try await status("GET", ["Host": host]) == 400, "\(host)")
      }
      let own = "127.0.0.1:\(server.port)"
      #expect(try await status("POST", ["Origin": "http://\(own)"]) == 200)
      #expect(
        try await status("POST", ["Origin": "http://box.example", "Host": "box.example"]) == 200)
      for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost"] {
        #expect(try await status("POST", ["Origin": origin]) == 403, "\(origin)")
        #expect(try await status("GET", ["Origin": origin]) == 200, "\(origin)")
      }
      #expect(try await status("POST", ["Sec-Fetch-Site": "cross-site"]) == 403)
      #expect(try await status("POST", ["Sec-Fetch-Site": "same-origin"]) == 200)
    }
  }

  @Test func addsSafeguards() async throws {
    try await ServedModel.run { server async throws in
      for path in ["/", "/healthz", "/nothing", "/api/v1/images/x.png"] {
        let headers = try await server.ask("GET", path).headers
        #expect(headers["x-content-type-options"] == "nosniff", "\(path)")
        #expect(headers["x-frame-options"] == "DENY", "\(path)")
        #expect(headers["referrer-policy"] == "no-referrer", "\(path)")
        #expect(headers["content-security-policy"]?.contains("default-src 'none'") == true)
        #expect(headers["access-control-allow-origin"] == nil)
      }
      let page = try await server.ask("GET", "/")
      #expect(page.headers["content-type"] == "text/html; charset=utf-8")
      #expect(page.body == PageRoute.html)
    }
  }

  @Test func knowsMethodsOfPaths() async throws {
    try await ServedModel.run { server async throws in
      for (method, path, allowed) in [
        ("PUT", "/api/v1/jobs", "POST"), ("POST", "/api/v1/classes", "GET, HEAD"),
        ("PATCH", "/api/v1/jobs/abc", "DELETE, GET, HEAD"), ("OPTIONS", "/", "GET, HEAD"),
        ("POST", "/api/v1/images/abc.png", "GET, HEAD"), ("TRACE", "/sdapi/v1/txt2img", "POST"),
      ] {
        let answer = try await server.ask(method, path)
        #expect(answer.status == 405, "\(method) \(path)")
        #expect(answer.headers["allow"] == allowed, "\(method) \(path)")
      }
      for path in [
        "/../../etc/passwd", "/api/v1/images/..%2f..%2fetc%2fpasswd.png", "/%00", "/api",
      ] {
        #expect(try await server.ask("GET", path).status == 404, "\(path)")
      }
    }
  }

  @Test func takesRoutesOfOnesOwn() async throws {
    try await ServedModel.run(
      ServerSettings(token: "t"),
      routes: { router in router.get("/hello/{name}") { _, context in "hello" } }
    ) { server async throws in
      let headers = ["Authorization": "Bearer t"]
      #expect(try await server.ask("GET", "/hello/you").status == 401)
      #expect(try await server.ask("GET", "/hello/you", headers: headers).text == "hello")
      let metrics = try await server.ask("GET", "/metrics", headers: headers).text
      #expect(
        metrics.contains(#"dit_http_requests_total{route="/hello/{name}",status="200"} 1"#))
      #expect(metrics.contains(#"dit_http_request_seconds_count{route="/hello/{name}"} 2"#))
    }
  }
}
