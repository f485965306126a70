import Diffusion
import Files
import Foundation
import Hummingbird
import Pipeline
import Testing

@testable import Server

/// The description of the routes, and what the routes do.
@Suite(.serialized) struct OpenAPITests {
  @Test func describesEachRoute() async throws {
    try await ServedModel.run(routes: { router in
      let known = router.routes.filter { $0.method != .head }.map {
        "\($0.method.rawValue) \($0.path)"
      }
      let parts = ServerParts(
        service: ImageService(ServedModel.settings), settings: ServerSettings(),
        metrics: PrometheusMetrics())
      let table = RouteTable.all(parts, ServerPhase(), needsToken: false)
      let document = OpenAPIDocument(routes: table, model: nil, needsToken: false).json
      let paths = document["paths"]
      let described = paths.keys.flatMap { path in
        paths[path].keys.map { "\($0.uppercased()) \(path)" }
      }
      #expect(described.sorted() == known.sorted())
      #expect(Set(described).count == described.count)
    }) { server async throws in
      let document = try await server.ask("GET", "/openapi.json").json
      #expect(document["openapi"].string == "3.1.0")
      #expect(document["security"].text == "null")
      var ids: [String] = []
      for path in document["paths"].keys {
        for method in document["paths"][path].keys {
          let operation = document["paths"][path][method]
          ids.append(operation["operationId"].string ?? "")
          #expect(operation["responses"]["default"].keys.contains("content"), "\(path)")
          // Parts of the path are described.
          let names = operation["parameters"].items.compactMap { $0["name"].string }
          for part in path.split(separator: "/") where part.hasPrefix("{") {
            #expect(names.contains(String(part.dropFirst().prefix { $0 != "}" })), "\(path)")
          }
        }
      }
      #expect(Set(ids).count == ids.count && !ids.contains(""))
      // What is referred to is there.
      let names = document.text.matches(of: /#\/components\/schemas\/(\w+)/).map { String($0.1) }
      for name in Set(names) {
        #expect(document["components"]["schemas"].keys.contains(name), "\(name)")
      }
    }
  }

  @Test func saysThatATokenIsNeeded() async throws {
    try await ServedModel.run(ServerSettings(token: "t")) { server async throws in
      let document = try await server.ask(
        "GET", "/openapi.json", headers: ["Authorization": "Bearer t"]
      ).json
      #expect(document["security"].text == #"[{"token":[]}]"#)
      #expect(document["components"]["securitySchemes"]["token"]["scheme"].string == "bearer")
      #expect(document["paths"]["/healthz"]["get"]["security"].text == "[]")
    }
  }

  @Test func responsesAreAsDescribed() async throws {
    try await ServedModel.run { server async throws in
      let document = try await server.ask("GET", "/openapi.json").json
      let check = SchemaCheck(document: document)
      func verify(
        _ method: String, _ path: String, route: String? = nil, _ body: String? = nil,
        status: Int = 200
      ) async throws -> HTTPAnswer {
        let answer = try await server.ask(method, path, body)
        #expect(answer.status == status, "\(method) \(path): \(answer.text)")
        let responses = document["paths"][route ?? path][method.lowercased()]["responses"]
        let known =
          responses["\(status)"].keys.isEmpty ? responses["default"] : responses["\(status)"]
        let type = String((answer.headers["content-type"] ?? "").prefix { $0 != ";" })
        #expect(known["content"].keys.contains(type), "\(method) \(path): \(type)")
        let schema = known["content"][type]["schema"]
        if type == "application/json" {
          #expect(check.fault(of: try answer.json, schema) == nil, "\(method) \(path)")
        }
        if type == "text/event-stream" {
          for event in try ServedModel.events(in: answer.text) {
            // The schema of the data of the event's name.
            let form = check.schema(
              schema["$ref"].string?.split(separator: "/").last.map(String.init) ?? "")
            let own = try #require(
              form["anyOf"].items.first {
                $0["properties"]["event"]["enum"][0].string == event.name
              })
            let data = own["properties"]["data"]["contentSchema"]
            #expect(check.fault(of: event.data, data) == nil, "\(event.name)")
          }
        }
        return answer
      }
      let job = try await verify("POST", "/api/v1/jobs", #"{"prompt": "cat", "n": 2}"#, status: 202)
        .json
      let id = try #require(job["id"].string)
      let jobPath = "/api/v1/jobs/{id}"
      _ = try await verify("GET", "/api/v1/jobs/\(id)/events", route: jobPath + "/events")
      let done = try await verify("GET", "/api/v1/jobs/\(id)", route: jobPath).json
      _ = try await verify("DELETE", "/api/v1/jobs/\(id)", route: jobPath)
      _ = try await verify("GET", "/api/v1/jobs/x", route: jobPath, status: 404)
      let image = try #require(done["images"][0]["url"].string)
      _ = try await verify("GET", image, route: "/api/v1/images/{id}.png")
      _ = try await verify(
        "GET", image.replacing(".png", with: ".jpg"), route: "/api/v1/images/{id}.jpg")
      for path in [
        "/", "/healthz", "/metrics", "/openapi.json", "/api/v1/classes", "/api/v1/capabilities",
        "/v1/models", "/sdapi/v1/progress", "/sdapi/v1/samplers", "/sdapi/v1/options",
      ] {
        _ = try await verify("GET", path)
      }
      _ = try await verify("GET", "/v1/models/small", route: "/v1/models/{id}")
      let generations = "/v1/images/generations"
      _ = try await verify("POST", generations, #"{"prompt": 1}"#)
      _ = try await verify("POST", generations, #"{"prompt": 1, "response_format": "url"}"#)
      _ = try await verify(
        "POST", generations, #"{"prompt": 1, "stream": true, "partial_images": 1}"#)
      _ = try await verify("POST", generations, #"{"prompt": 99}"#, status: 400)
      _ = try await verify("POST", "/sdapi/v1/txt2img", #"{"prompt": "cat"}"#)
      _ = try await verify("POST", "/sdapi/v1/txt2img", "{}", status: 400)
      _ = try await verify("POST", "/sdapi/v1/interrupt")
      _ = try await verify("POST", "/sdapi/v1/options", "{}")
      _ = try await verify("POST", "/sdapi/v1/png-info", #"{"image": ""}"#)
      // A job describes itself by a request that may be sent.
      #expect(check.fault(of: done["request"], check.schema("JobRequest")) == nil)
    }
  }

  /// Requests that the schema takes are those that samplers take, and, for all but a few, the other way round.
  @Test(arguments: [false, true])
  func schemasOfRequestsSayWhatSamplersTake(isFlow: Bool) throws {
    let path: any ProbabilityPath = isFlow ? FlowPath(.linear) : NoiseSchedule.linear
    let samplers = SamplingMethod.fitting(path)
    for own in samplers {
      let model = ModelDescription(
        name: "m", loadTime: 0, classNames: try ClassNames(count: 2, metadata: [:]), imageSize: 8,
        defaults: SamplingOptions(sampler: own), guidance: Guidance(),
        process: isFlow ? .flow() : .ddpm(learnsVariance: false), defaultSeed: 42,
        samplers: samplers,
        guidedChannelLimit: 3,
        precision: "fp32",
        device: "cpu", imageLimit: 4, queueLimit: 4, batchSize: 4)
      let table = RouteTable(routes: [])
      let check = SchemaCheck(
        document: OpenAPIDocument(routes: table, model: model, needsToken: false).json)
      for sampler in [nil] + samplers where own == samplers[0] || sampler == nil {
        for spacing in [nil] + TimestepSpacing.allCases {
          for steps in [nil, 1, 2, 50, 51, 999, 1000] {
            for shift in isFlow ? [nil, 3.0] : [nil] {
              for lastStep in isFlow ? [nil, LastStep.none] : [nil] {
                var members: [(key: String, value: JSON)] = [("prompt", .integer(1))]
                if let sampler { members.append(("sampler", .string(sampler.name))) }
                if let spacing { members.append(("timestep_spacing", .string(spacing.rawValue))) }
                if let steps { members.append(("steps", .integer(steps))) }
                if let shift { members.append(("time_shift", .number(shift))) }
                if let lastStep { members.append(("last_step", .string(lastStep.rawValue))) }
                let request = JSON.object(members)
                let isDescribed = check.fault(of: request, check.schema("JobRequest")) == nil
                // dopri5 takes any times and uses none, and a single optimized time is whole.
                let isLenient =
                  (sampler ?? own) == .dopri5 || spacing == .optimized && steps == 1
                let isTaken = OpenAPITests.isTaken(members, model, on: path)
                #expect(
                  isDescribed == isTaken || isTaken && isLenient, "\(request.text)")
              }
            }
          }
        }
      }
    }
  }

  private static func isTaken(
    _ members: [(key: String, value: JSON)], _ model: ModelDescription,
    on path: any ProbabilityPath
  ) -> Bool {
    do {
      let options = try ImageFields(JSONFields(members), model).request().options
      _ = try options.sampler.makeSampler(
        on: path, stepCount: options.stepCount, options: options.samplerOptions)
      return true
    } catch {
      return false
    }
  }
}
