import Files
import Foundation
import ImageData
import Testing

@testable import Server

/// OpenAI's Images API.
@Suite(.serialized) struct OpenAIRoutesTests {
  private static let path = "/v1/images/generations"

  @Test func drawsImages() async throws {
    try await ServedModel.run { server async throws in
      let answer = try await server.post(
        OpenAIRoutesTests.path,
        #"""
        {"model": "small", "prompt": "cat", "n": 2, "seed": 5, "size": "auto",
         "quality": "low", "style": "vivid", "user": "me", "background": "auto",
         "moderation": "low", "output_compression": 50}
        """#)
      #expect(answer.status == 200, "\(answer.text)")
      let json = try answer.json
      #expect(json["size"].string == "64x64")
      #expect(json["output_format"].string == "png")
      #expect(json["usage"]["total_tokens"].int == 0)
      #expect(json["data"].items.map { $0["seed"].int } == [5, 6])
      let bytes = try OpenAIRoutesTests.bytes(json["data"][0]["b64_json"])
      #expect(try bytes.withUnsafeBytes { try RGBImage(decoding: $0) }.width == 64)

      // The same pixels as by the native API.
      let job = try await server.post("/api/v1/jobs", #"{"prompt": 1, "n": 2, "seed": 5}"#).json
      let done = try await server.finish(try #require(job["id"].string))
      let image = try await server.ask("GET", try #require(done["images"][0]["url"].string))
      #expect(image.body == bytes)
    }
  }

  @Test func returnsJPEGAndURLs() async throws {
    try await ServedModel.run { server async throws in
      func images(_ more: String) async throws -> JSON {
        let answer = try await server.post(OpenAIRoutesTests.path, #"{"prompt": 2, \#(more)}"#)
        #expect(answer.status == 200, "\(answer.text)")
        return try answer.json["data"][0]
      }
      let fine = try await images(#""output_format": "jpeg""#)
      let rough = try await images(#""output_format": "jpeg", "output_compression": 0"#)
      let (a, b) = (
        try OpenAIRoutesTests.bytes(fine["b64_json"]),
        try OpenAIRoutesTests.bytes(rough["b64_json"])
      )
      #expect(a.starts(with: [0xFF, 0xD8]) && b.count < a.count)
      let image = try await images(#""output_format": "jpeg", "response_format": "url""#)
      let url = try #require(image["url"].string)
      let base = "http://127.0.0.1:\(server.port)"
      #expect(url.hasPrefix(base + "/api/v1/images/") && url.hasSuffix(".jpg"))
      let file = try await server.ask("GET", String(url.dropFirst(base.count)))
      #expect(file.headers["content-type"] == "image/jpeg")

      // Behind a proxy with TLS.
      let proxied = try await server.ask(
        "POST", OpenAIRoutesTests.path, #"{"prompt": 2, "response_format": "url"}"#,
        headers: ["X-Forwarded-Proto": "https"])
      #expect(try proxied.json["data"][0]["url"].string?.hasPrefix("https://127.0.0.1:") == true)
    }
  }

  @Test func streamsPartialImages() async throws {
    try await ServedModel.run { server async throws in
      let answer = try await server.post(
        OpenAIRoutesTests.path,
        #"{"prompt": "heart", "stream": true, "partial_images": 3, "steps": 8}"#)
      #expect(answer.headers["content-type"] == "text/event-stream")
      let events = try ServedModel.events(in: answer.text)
      #expect(
        events.map(\.name)
          == Array(repeating: "image_generation.partial_image", count: 3)
          + ["image_generation.completed"])
      #expect(events.map { $0.data["type"].string } == events.map { $0.name })
      #expect(events.prefix(3).map { $0.data["partial_image_index"].int } == [0, 1, 2])
      for event in events {
        #expect(event.data["size"].string == "64x64")
        #expect(event.data["background"].string == "opaque")
        #expect(event.data["quality"].string == "high")
        #expect(event.data["created_at"].int.map { $0 > 1_700_000_000 } == true)
        let bytes = try OpenAIRoutesTests.bytes(event.data["b64_json"])
        #expect(try bytes.withUnsafeBytes { try RGBImage(decoding: $0) }.width == 64)
      }
      #expect(events.last?.data["usage"]["input_tokens"].int == 0)

      // At most as many as steps less one.
      let short = try await server.post(
        OpenAIRoutesTests.path, #"{"prompt": 1, "stream": true, "partial_images": 3}"#)
      #expect(try ServedModel.events(in: short.text).count == 2)
    }
  }

  @Test func cancelsWhenTheConnectionCloses() async throws {
    try await ServedModel.run { server async throws in
      for stream in ["false", "true"] {
        let body = #"{"prompt": 1, "steps": 1000, "n": 16, "stream": \#(stream)}"#
        var connection: RawConnection? = try RawConnection(port: server.port)
        try await connection?.send(server.head("POST", OpenAIRoutesTests.path, body: body) + body)
        while await server.service.runningJobs().isEmpty {
          try await Task.sleep(for: .milliseconds(5))
        }
        connection = nil
        _ = connection
        while await !server.service.runningJobs().isEmpty {
          try await Task.sleep(for: .milliseconds(5))
        }
      }
      let metrics = try await server.ask("GET", "/metrics").text
      #expect(metrics.contains(#"dit_jobs_total{state="cancelled"} 2"#))
    }
  }

  @Test func saysThatAJobWasCancelled() async throws {
    try await ServedModel.run { server async throws in
      for stream in ["false", "true"] {
        async let answer = server.post(
          OpenAIRoutesTests.path, #"{"prompt": 1, "steps": 1000, "n": 16, "stream": \#(stream)}"#)
        while await server.service.runningJobs().isEmpty {
          try await Task.sleep(for: .milliseconds(5))
        }
        for job in await server.service.runningJobs() { await server.service.cancel(job.id) }
        let result = try await answer
        if stream == "true" {
          let events = try ServedModel.events(in: result.text)
          #expect(events.map(\.name) == ["error"])
          #expect(events[0].data["error"]["code"].string == "cancelled")
        } else {
          #expect(result.status == 410)
        }
      }
    }
  }

  @Test func refusesInItsShape() async throws {
    try await ServedModel.run { server async throws in
      for (body, status, parameter) in [
        (#"{"prompt": "a cat"}"#, 400, "prompt"),
        (#"{"prompt": 1, "partial_images": 4}"#, 400, "partial_images"),
        (#"{"prompt": 1, "output_format": "webp"}"#, 400, "output_format"),
        (#"{"prompt": 1, "response_format": "png"}"#, 400, "response_format"),
        (#"{"prompt": 1, "size": "1024x1024"}"#, 400, "size"),
        (#"{"prompt": 1, "model": "gpt-image-1"}"#, 404, "model"),
        (#"{"prompt": 1, "stream": 1}"#, 400, "stream"),
        (#"{"prompt": 1, "quality": 1}"#, 400, "quality"),
        (#"{"prompt": 1, "stepps": 1}"#, 400, "stepps"),
      ] {
        let answer = try await server.post(OpenAIRoutesTests.path, body)
        #expect(answer.status == status, "\(body)")
        let error = try answer.json["error"]
        #expect(error.keys == ["message", "type", "param", "code"])
        #expect(error["param"].string == parameter, "\(body)")
      }
    }
  }

  @Test func listsModels() async throws {
    try await ServedModel.run { server async throws in
      let models = try await server.ask("GET", "/v1/models").json
      #expect(models["object"].string == "list")
      let model = models["data"][0]
      #expect(model["id"].string == "small")
      #expect(try await server.ask("GET", "/v1/models/small").json.text == model.text)
      let other = try await server.ask("GET", "/v1/models/dall-e-3")
      #expect(other.status == 404)
      #expect(try other.json["error"]["code"].string == "model_not_found")
    }
  }

  private static func bytes(_ base64: JSON) throws -> [UInt8] {
    Array(try #require(Data(base64Encoded: base64.string ?? "?")))
  }
}
