import Files
import Foundation
import ImageData
import Pipeline
import TestSupport
import Testing

@testable import Server

/// The server's own API.
@Suite(.serialized) struct NativeRoutesTests {
  @Test func drawsAJob() async throws {
    try await ServedModel.run { server async throws in
      let answer = try await server.post(
        "/api/v1/jobs", #"{"prompt": "Cat", "n": 2, "seed": 7, "guidance_scale": 3}"#)
      #expect(answer.status == 202)
      let job = try answer.json
      let id = try #require(job["id"].string)
      #expect(answer.headers["location"] == "/api/v1/jobs/\(id)")
      #expect(
        job.keys == [
          "id", "status", "position", "step", "steps", "progress", "seconds_left", "images",
          "error", "notes", "request",
        ])
      let request = job["request"]
      #expect(request["prompt"].string == "1")
      #expect(request["sampler"].string == "ddim")
      #expect(request["steps"].int == 2)
      #expect(request["guidance_scale"].int == 3)

      let done = try await server.finish(id)
      #expect(done["status"].string == "done")
      #expect(done["images"].items.map { $0["seed"].int } == [7, 8])
      #expect(done["images"].items.map { $0["name"].string } == ["cat", "cat"])
      let path = try #require(done["images"][1]["url"].string)
      let png = try await server.ask("GET", path)
      #expect(png.headers["content-type"] == "image/png")
      let image = try png.body.withUnsafeBytes { try RGBImage(decoding: $0) }
      #expect((image.width, image.height) == (64, 64))
      let jpeg = try await server.ask("GET", path.replacing(".png", with: ".jpg"))
      #expect(jpeg.headers["content-type"] == "image/jpeg")
      #expect(jpeg.body.starts(with: [0xFF, 0xD8]))
      let head = try await server.ask("HEAD", path)
      #expect(head.headers["content-length"] == "\(png.body.count)")

      // What a job says of itself can be asked for again.
      let again = try await server.post("/api/v1/jobs", request.text)
      #expect(again.status == 202)
      let second = try await server.finish(try #require(try again.json["id"].string))
      let other = try await server.ask("GET", try #require(second["images"][1]["url"].string))
      #expect(other.body == png.body)
    }
  }

  @Test func tellsEventsAsTheyHappen() async throws {
    try await ServedModel.run { server async throws in
      let job = try await server.post("/api/v1/jobs", #"{"prompt": 3, "steps": 1000}"#).json
      let id = try #require(job["id"].string)
      let stream = try await server.ask("GET", "/api/v1/jobs/\(id)/events")
      #expect(stream.headers["content-type"] == "text/event-stream")
      let events = try ServedModel.events(in: stream.text)
      #expect(events.map { $0.data["type"].string } == events.map { $0.name })
      let names = Set(events.map(\.name))
      #expect(names.isSuperset(of: ["step", "preview", "image", "done"]))
      #expect(events.last?.name == "done")
      #expect(events.last?.data["job"]["images"].items.count == 1)
      #expect(stream.text.hasPrefix("id: 0\n"))
      let preview = try #require(events.first { $0.name == "preview" }?.data)
      let bytes = try #require(Data(base64Encoded: preview["image"].string ?? ""))
      #expect(Array(bytes.prefix(2)) == [0xFF, 0xD8])

      // A late reader is told of the images.
      let late = try await server.ask("GET", "/api/v1/jobs/\(id)/events")
      #expect(
        try ServedModel.events(in: late.text).map(\.name).filter { $0 != "step" }
          == ["image", "done"])
    }
  }

  @Test func cancelsAJob() async throws {
    try await ServedModel.run { server async throws in
      let job = try await server.post("/api/v1/jobs", #"{"prompt": 0, "steps": 1000}"#).json
      let path = "/api/v1/jobs/\(try #require(job["id"].string))"
      let cancelled = try await server.ask("DELETE", path)
      #expect(cancelled.status == 200)
      #expect(try cancelled.json["status"].string == "cancelled")
      #expect(try await server.ask("GET", path).json["status"].string == "cancelled")
      let events = try await server.ask("GET", path + "/events")
      #expect(try ServedModel.events(in: events.text).last?.name == "cancelled")
    }
  }

  @Test func refusesWhatDoesNotFit() async throws {
    try await ServedModel.run { server async throws in
      for (body, code, parameter) in [
        (#"{"prompt": "kat"}"#, "unknown_class", "prompt"),
        (#"{"prompt": "cat, face"}"#, "ambiguous_class", "prompt"),
        (#"{"prompt": "12"}"#, "unknown_class", "prompt"),
        (#"{"prompt": -1}"#, "unknown_class", "prompt"),
        (#"{"prompt": 1.5}"#, "invalid_value", "prompt"),
        (#"{"prompt": ""}"#, "unknown_class", "prompt"),
        (#"{}"#, "missing_required_parameter", "prompt"),
        (#"{"prompt": 1, "n": 0}"#, "invalid_value", "n"),
        (#"{"prompt": 1, "n": 17}"#, "invalid_value", "n"),
        (#"{"prompt": 1, "n": true}"#, "invalid_value", "n"),
        (#"{"prompt": 1, "seed": -2}"#, "invalid_value", "seed"),
        (#"{"prompt": 1, "seed": 1.5}"#, "invalid_value", "seed"),
        (#"{"prompt": 1, "size": "256x256"}"#, "invalid_value", "size"),
        (#"{"prompt": 1, "steps": 1001}"#, "invalid_value", "steps"),
        (#"{"prompt": 1, "sampler": "dim"}"#, "invalid_value", "sampler"),
        (#"{"prompt": 1, "sampler": "dopri5"}"#, "invalid_value", "sampler"),
        (#"{"prompt": 1, "timestep_spacing": "shifted"}"#, "invalid_value", "timestep_spacing"),
        (#"{"prompt": 1, "guidance_interval": [0, 2]}"#, "invalid_value", "guidance_interval"),
        (#"{"prompt": 1, "cfg_channels": 0}"#, "invalid_value", "cfg_channels"),
        (#"{"prompt": 1, "guidence_scale": 2}"#, "unknown_parameter", "guidence_scale"),
        (#"{"prompt": 1, "colour": null}"#, "unknown_parameter", "colour"),
      ] {
        let answer = try await server.post("/api/v1/jobs", body)
        #expect(answer.status == 400, "\(body)")
        let error = try answer.json["error"]
        #expect(error["code"].string == code, "\(body)")
        #expect(error["param"].string == parameter, "\(body)")
        #expect(error["type"].string == "invalid_request_error")
      }
      let unknown = try await server.post("/api/v1/jobs", #"{"prompt": 1, "guidence_scale": 2}"#)
      #expect(unknown.text.contains("did you mean 'guidance_scale'?"))
      let nearest = try await server.post("/api/v1/jobs", #"{"prompt": "kat"}"#)
      #expect(nearest.text.contains("did you mean 'cat'?"))
      let model = try await server.post("/api/v1/jobs", #"{"prompt": 1, "model": "dall-e-3"}"#)
      #expect(model.status == 404)
      #expect(try model.json["error"]["code"].string == "model_not_found")
    }
  }

  @Test func takesAllFieldsOfSampling() async throws {
    try await ServedModel.run { server async throws in
      let body = #"""
        {"prompt": "7", "n": 1, "seed": 18446744073709551615, "size": "64x64",
         "model": "small", "sampler": "unipc", "steps": 3.0, "guidance_scale": 1.5,
         "guidance_interval": [0.2, 0.9], "cfg_channels": "all", "timestep_spacing": "linspace",
         "solver_order": 3, "eta": 0.5, "atol": null}
        """#
      let answer = try await server.post("/api/v1/jobs", body)
      #expect(answer.status == 202, "\(answer.text)")
      let job = try answer.json
      let request = job["request"]
      #expect(request["seed"].text == "18446744073709551615")
      #expect(request["cfg_channels"].string == "all")
      #expect(request["guidance_interval"].text == "[0.2,0.9]")
      #expect(request["solver_order"].int == 3)
      #expect(job["notes"].items.compactMap(\.string).count == 1)
      #expect(job["notes"][0].string?.hasPrefix("eta is for ddim") == true)
      // Another sampler has its own number of steps.
      let other = try await server.post("/api/v1/jobs", #"{"prompt": 7, "sampler": "unipc"}"#)
      #expect(try other.json["steps"].int == 10)
      let random = try await server.post("/api/v1/jobs", #"{"prompt": 7, "seed": -1}"#)
      #expect(try random.json["request"]["seed"].int.map { $0 >= 0 } == true)
    }
  }

  @Test func aRequestWithoutASeedHasThatOfTheService() async throws {
    var settings = ServedModel.settings
    settings.sampling.seed = 5
    try await ServedModel.run(service: settings) { server in
      let job = try await server.post("/api/v1/jobs", #"{"prompt": 7}"#)
      #expect(try job.json["request"]["seed"].int == 5)
      let capabilities = try await server.ask("GET", "/api/v1/capabilities").json
      #expect(capabilities["defaults"]["seed"].int == 5)
      #expect(
        try await server.ask("GET", "/metrics").text.contains(
          "# HELP dit_queue_length Jobs that wait.\n"))
    }
  }

  @Test func saysWhatItCanDo() async throws {
    try await ServedModel.run { server async throws in
      let classes = try await server.ask("GET", "/api/v1/classes").json["classes"]
      #expect(classes.items.count == SmallModel.classNames.count)
      #expect(classes[1].text == #"{"id":1,"name":"cat","synonyms":[]}"#)
      let capabilities = try await server.ask("GET", "/api/v1/capabilities").json
      #expect(capabilities["model"]["id"].string == "small")
      #expect(capabilities["model"]["image_size"].int == 64)
      #expect(capabilities["defaults"]["steps"].int == 2)
      #expect(capabilities["limits"]["images_per_job"].int == 16)
      let samplers = capabilities["samplers"].items.compactMap { $0["name"].string }
      #expect(samplers.contains("ddim") && !samplers.contains("dopri5"))
      #expect(try await server.ask("GET", "/healthz").text == #"{"status":"ok"}"#)
      #expect(try await server.ask("GET", "/api/v1/jobs/0").status == 404)
      #expect(try await server.ask("DELETE", "/api/v1/jobs/0").status == 404)
      #expect(try await server.ask("GET", "/api/v1/jobs/0/events").status == 404)
      #expect(try await server.ask("GET", "/api/v1/images/0.png").status == 404)
    }
  }

  @Test func saysThatTheQueueIsFull() async throws {
    var settings = ServedModel.settings
    settings.queueLimit = 1
    settings.batchSize = 1
    try await ServedModel.run(service: settings) { server async throws in
      var answers: [HTTPAnswer] = []
      for seed in 0..<4 {
        answers.append(
          try await server.post(
            "/api/v1/jobs", #"{"prompt": 0, "steps": 1000, "seed": \#(seed)}"#))
      }
      let full = try #require(answers.last)
      #expect(full.status == 429)
      #expect(try full.json["error"]["code"].string == "queue_full")
      #expect(full.headers["retry-after"].flatMap { Int($0) } != nil)
    }
  }
}
