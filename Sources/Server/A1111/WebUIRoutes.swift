internal import Diffusion
internal import Files
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import ImageData

/// The routes of Stable Diffusion web UI that its clients call most.
struct WebUIRoutes: Sendable {
  let parts: ServerParts
  private let board = WebUIBoard()

  init(parts: ServerParts) { self.parts = parts }

  /// The routes.
  var routes: [Route] {
    [
      Route(method: .post, path: "/sdapi/v1/txt2img", operation: .webUIGenerate, handler: generate),
      Route(method: .get, path: "/sdapi/v1/progress", operation: .webUIProgress, handler: progress),
      Route(
        method: .post, path: "/sdapi/v1/interrupt", operation: .webUIInterrupt, handler: interrupt),
      Route(method: .get, path: "/sdapi/v1/samplers", operation: .webUISamplers, handler: samplers),
      Route(method: .get, path: "/sdapi/v1/options", operation: .webUIOptions, handler: options),
      Route(
        method: .post, path: "/sdapi/v1/options", operation: .webUISetOptions, handler: setOptions),
      Route(method: .post, path: "/sdapi/v1/png-info", operation: .webUIPNGInfo, handler: pngInfo),
    ]
  }

  @Sendable private func generate(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let fields = try await request.jsonObject(limit: parts.settings.bodyLimit)
    let wish = try WebUIGeneration(fields, try await parts.model())
    let service = parts.service
    let (job, events) = try await service.start(wish.request)
    board.begin(job.id)
    defer { board.end(job.id) }
    context.onClose { Task { await service.cancel(job.id) } }
    var images: [Int: DrawnImage] = [:]
    for await event in events {
      switch event {
      case .preview(let preview): board.show(preview.image, of: job.id)
      case .image(let image, let index): images[index] = image
      case .failed(let message): throw GenerationWriter.failure(message)
      case .queued, .step, .done, .cancelled: break
      }
    }
    let drawn = images.sorted { $0.key < $1.key }.map(\.value)
    let isInterrupted = board.end(job.id)
    guard isInterrupted || drawn.count == wish.request.count else {
      throw GenerationWriter.cancelled
    }
    return Response(wish.response(drawn, isInterrupted: isInterrupted))
  }

  @Sendable private func progress(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let skips = try WebUIRoutes.flag("skip_current_image", request)
    let running = await parts.service.runningJobs()
    let own = Set(board.jobs)
    let all = own.union(running.map(\.id))
    let job = running.first { own.contains($0.id) } ?? running.first
    let image = try skips ? nil : job.flatMap { board.preview(of: $0.id) }?.png().base64
    let state: [(key: String, value: JSON)] = [
      ("skipped", .bool(false)), ("interrupted", .bool(false)),
      ("stopping_generation", .bool(false)), ("job", .string(job?.id ?? "")),
      ("job_count", .integer(all.count)), ("job_timestamp", .string("0")),
      ("job_no", .integer(0)), ("sampling_step", .integer(job?.step ?? 0)),
      ("sampling_steps", .integer(job?.stepCount ?? 0)),
    ]
    return Response(
      .object([
        ("progress", .number(job?.progress ?? 0)),
        ("eta_relative", .number(job?.secondsLeft ?? 0)), ("state", .object(state)),
        ("current_image", image.map(JSON.string) ?? .null), ("textinfo", .null),
      ]))
  }

  /// True or false in a query; false if it is not there.
  private static func flag(_ name: String, _ request: Request) throws(APIError) -> Bool {
    switch request.uri.queryParameters.get(name)?.lowercased() {
    case nil, "false", "0": return false
    case "true", "1": return true
    default: throw .invalid(name, "\(name) has to be true or false")
    }
  }

  @Sendable private func interrupt(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    for id in board.jobs {
      board.interrupt(id)
      await parts.service.cancel(id)
    }
    return Response(.object([]))
  }

  @Sendable private func samplers(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let samplers = try await parts.model().samplers.map { method in
      JSON.object([
        ("name", .string(method.name)),
        ("aliases", .array(WebUISamplers.aliases(of: method).map(JSON.string))),
        ("options", .object([])),
      ])
    }
    return Response(.array(samplers))
  }

  @Sendable private func options(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let model = try await parts.model()
    return Response(
      .object([
        ("sd_model_checkpoint", .string(model.name)), ("samples_format", .string("png")),
        ("enable_pnginfo", .bool(true)), ("show_progress_every_n_steps", .integer(1)),
        ("CLIP_stop_at_last_layers", .integer(1)),
      ]))
  }

  @Sendable private func setOptions(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let fields = try await request.jsonObject(limit: parts.settings.bodyLimit)
    let model = try await parts.model()
    for key in fields.keys where key != "sd_model_checkpoint" {
      throw APIError(
        .badRequest, "unknown_parameter",
        "the option '\(key.clipped)' cannot be set here: only sd_model_checkpoint",
        parameter: key.clipped)
    }
    guard try fields.string("sd_model_checkpoint") ?? model.name == model.name else {
      throw APIError.invalid("sd_model_checkpoint", "this server has one model: '\(model.name)'")
    }
    return Response(.null)
  }

  @Sendable private func pngInfo(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    let fields = try await request.jsonObject(limit: parts.settings.imageBodyLimit)
    guard let text = try fields.string("image") else {
      throw APIError.invalid("image", "image is missing: a PNG file in base64")
    }
    let base64 = text.hasPrefix("data:") ? text.drop { $0 != "," }.dropFirst() : text[...]
    guard let data = Data(base64Encoded: String(base64)) else {
      throw APIError.invalid("image", "image has to be a file in base64")
    }
    return Response(WebUIPNGInfo(Array(data)).json)
  }
}
