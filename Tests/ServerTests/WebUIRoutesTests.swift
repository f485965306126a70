import Files
import Foundation
import ImageData
import Testing

@testable import Server

/// The routes of Stable Diffusion web UI.
@Suite(.serialized) struct WebUIRoutesTests {
  private static func object(_ text: JSON) throws -> JSON {
    try Array(try #require(text.string).utf8).withUnsafeBytes { try JSON(reading: $0) }
  }

  @Test func drawsImages() async throws {
    try await ServedModel.run { server async throws in
      // What the client webuiapi sends, shortened.
      let answer = try await server.post(
        "/sdapi/v1/txt2img",
        #"""
        {"enable_hr": false, "hr_scale": 2, "denoising_strength": 0.7, "prompt": "cat",
         "negative_prompt": "blurred", "styles": [], "seed": 9, "subseed": -1, "batch_size": 2,
         "n_iter": 1, "steps": 3, "cfg_scale": 7, "width": 64, "height": 64, "eta": 1.0,
         "sampler_name": "UniPC", "sampler_index": "Euler a", "scheduler": "automatic",
         "script_args": [], "send_images": true, "save_images": false, "alwayson_scripts": {}}
        """#)
      #expect(answer.status == 200, "\(answer.text)")
      let json = try answer.json
      #expect(json.keys == ["images", "parameters", "info"])
      #expect(json["images"].items.count == 2)
      let bytes = Array(try #require(Data(base64Encoded: json["images"][0].string ?? "")))
      #expect(try bytes.withUnsafeBytes { try RGBImage(decoding: $0) }.width == 64)
      let info = try WebUIRoutesTests.object(json["info"])
      #expect(info["all_seeds"].text == "[9,10]")
      #expect(info["sampler_name"].string == "unipc")
      #expect(info["steps"].int == 3)
      #expect(info["cfg_scale"].int == 7)
      #expect(info["infotexts"][0].string?.contains("Steps: 3, Sampler: unipc") == true)
      #expect(json["parameters"]["scheduler"].string == "automatic")

      let image = "data:image/png;base64," + (json["images"][0].string ?? "")
      let read = try await server.post("/sdapi/v1/png-info", #"{"image": "\#(image)"}"#).json
      #expect(read["info"].string == info["infotexts"][0].string)
      #expect(read["parameters"]["Prompt"].string == "cat")
      #expect(read["parameters"]["Seed"].string == "9")
      #expect(read["items"].keys == ["parameters", "dit"])
    }
  }

  @Test func tellsProgressAndStops() async throws {
    try await ServedModel.run { server async throws in
      let idle = try await server.ask("GET", "/sdapi/v1/progress").json
      #expect(idle["progress"].text == "0.0")
      #expect(idle["state"]["job_count"].int == 0)
      async let answer = server.post(
        "/sdapi/v1/txt2img", #"{"prompt": 1, "steps": 1000, "n_iter": 8, "batch_size": 2}"#)
      var progress = idle
      while progress["current_image"].string == nil {
        try await Task.sleep(for: .milliseconds(10))
        progress = try await server.ask("GET", "/sdapi/v1/progress").json
      }
      #expect(progress["state"]["job_count"].int == 1)
      #expect(progress["state"]["sampling_steps"].int == 1000)
      let bytes = Array(
        try #require(Data(base64Encoded: progress["current_image"].string ?? "?")))
      #expect(try bytes.withUnsafeBytes { try RGBImage(decoding: $0) }.width == 64)
      let short = try await server.ask("GET", "/sdapi/v1/progress?skip_current_image=true")
      #expect(try short.json["current_image"].text == "null")
      #expect(
        try await server.ask("GET", "/sdapi/v1/progress?skip_current_image=x").status == 400)
      #expect(try await server.ask("POST", "/sdapi/v1/interrupt").text == "{}")
      let result = try await answer
      #expect(result.status == 200)
      #expect(try WebUIRoutesTests.object(result.json["info"])["interrupted"].text == "true")
    }
  }

  @Test func refusesInItsShape() async throws {
    try await ServedModel.run { server async throws in
      for (body, status) in [
        (#"{"prompt": "no such thing"}"#, 400), (#"{}"#, 400),
        (#"{"prompt": 1, "width": 512}"#, 400), (#"{"prompt": 1, "enable_hr": true}"#, 400),
        (#"{"prompt": 1, "sampler_name": "Euler a"}"#, 404),
        (#"{"prompt": 1, "n_iter": 5, "batch_size": 5}"#, 400),
      ] {
        let answer = try await server.post("/sdapi/v1/txt2img", body)
        #expect(answer.status == status, "\(body)")
        #expect(try answer.json.keys == ["error", "detail", "body", "errors"], "\(body)")
      }
      let missing = try await server.ask("GET", "/sdapi/v1/loras")
      #expect(missing.status == 404)
      #expect(try missing.json.keys == ["error", "detail", "body", "errors"])
    }
  }

  @Test func listsSamplersAndOptions() async throws {
    try await ServedModel.run { server async throws in
      let samplers = try await server.ask("GET", "/sdapi/v1/samplers").json
      #expect(
        samplers.items.contains {
          $0.text == #"{"name":"ddim","aliases":["DDIM"],"options":{}}"#
        })
      let options = try await server.ask("GET", "/sdapi/v1/options").json
      #expect(options["sd_model_checkpoint"].string == "small")
      let path = "/sdapi/v1/options"
      #expect(
        try await server.post(path, #"{"sd_model_checkpoint": "small"}"#).text == "null")
      #expect(try await server.post(path, #"{"sd_model_checkpoint": "other"}"#).status == 400)
      #expect(try await server.post(path, #"{"samples_format": "jpg"}"#).status == 400)
    }
  }

  @Test func readsParametersOfImages() {
    let text =
      "tench, Tinca tinca\nSteps: 50, Sampler: ddim, CFG scale: 4, Model: \"a, b: \\\"c\\\"\""
    let members = WebUIPNGInfo.parameters(in: text)
    #expect(members.map(\.key) == ["Prompt", "Steps", "Sampler", "CFG scale", "Model"])
    #expect(
      members.map { $0.value.string } == ["tench, Tinca tinca", "50", "ddim", "4", "a, b: \"c\""])
    #expect(WebUIPNGInfo.parameters(in: "").isEmpty)
    let odd = WebUIPNGInfo.parameters(in: "a\n,no colon, : empty, x:1,x: 2,  y : \"open, z: 3")
    #expect(odd.map(\.key) == ["Prompt", "x", "y "])
    // A line that no program writes is left aside, whatever its length.
    let long = "a\nx: 1, " + String(repeating: "b", count: 4 << 20)
    #expect(WebUIPNGInfo.parameters(in: long).map(\.key) == ["Prompt"])
    #expect(WebUIPNGInfo([1, 2]).json.text == #"{"info":"","items":{},"parameters":{}}"#)
  }
}
