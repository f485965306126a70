internal import Diffusion
internal import Files
internal import ImageData
internal import Pipeline

/// Writes jobs and images as the native API has them.
struct JobJSON: Sendable {
  /// The model that draws them.
  let model: ModelDescription

  /// A job as it stands.
  func job(_ job: JobStatus) -> JSON {
    let images = job.images.sorted { $0.key < $1.key }.map { image($0.value, index: $0.key) }
    let options = job.request.options.settled(for: model.process)
    return .object([
      ("id", .string(job.id)), ("status", .string(job.state.rawValue)),
      ("position", job.position.map(JSON.integer) ?? .null), ("step", .integer(job.step)),
      ("steps", (job.stepCount ?? options.stepCount).map(JSON.integer) ?? .null),
      ("progress", .number(JobJSON.rounded(job.progress))),
      ("seconds_left", JobJSON.seconds(job.secondsLeft)), ("images", .array(images)),
      ("error", job.error.map(JSON.string) ?? .null),
      ("notes", .array(job.request.options.notes.map(JSON.string))),
      ("request", request(job.request)),
    ])
  }

  /// The request, with all that was left open. It can be posted as it is.
  private func request(_ request: ImageRequest) -> JSON {
    let options = request.options.settled(for: model.process)
    let (sampler, guidance) = (options.samplerOptions, options.guidance)
    var members: [(key: String, value: JSON)] = [
      ("prompt", .string(String(request.label))), ("n", .integer(request.count)),
      ("seed", JobJSON.seed(request.seed)), ("sampler", .string(options.sampler.name)),
      ("steps", options.stepCount.map(JSON.integer) ?? .null),
      ("guidance_scale", .compact(guidance.scale)),
      ("guidance_interval", guidance.interval.json),
      ("cfg_channels", guidance.channels?.json ?? .null),
      ("timestep_spacing", (options.timestepSpacing?.rawValue).map(JSON.string) ?? .null),
    ]
    if options.timestepSpacing == .shifted {
      members.append(("time_shift", .compact(sampler.timeShift)))
    }
    let keys = options.sampler.options
    if keys.contains(.eta) { members.append(("eta", .compact(sampler.eta))) }
    if keys.contains(.solverOrder) {
      members.append(("solver_order", .integer(sampler.solverOrder)))
    }
    if keys.contains(.atol) { members.append(("atol", .compact(sampler.atol))) }
    if keys.contains(.rtol) { members.append(("rtol", .compact(sampler.rtol))) }
    if keys.contains(.diffusionForm) {
      members.append(("diffusion_form", .string(sampler.diffusionForm.rawValue)))
    }
    if keys.contains(.diffusionNorm) {
      members.append(("diffusion_norm", .compact(sampler.diffusionNorm)))
    }
    if keys.contains(.lastStep) {
      members.append(("last_step", .string(sampler.lastStep.rawValue)))
    }
    if keys.contains(.lastStepSize) {
      members.append(("last_step_size", .compact(sampler.lastStepSize)))
    }
    return .object(members)
  }

  /// An image of a job.
  func image(_ image: ImageIdentity, index: Int) -> JSON { .object(members(image, index: index)) }

  private func members(
    _ image: ImageIdentity, index: Int
  ) -> [(key: String, value: JSON)] {
    [
      ("id", .string(image.id)), ("index", .integer(index)),
      ("url", .string(JobJSON.path(of: image.id, "png"))), ("class", .integer(image.label)),
      ("name", .string(model.classNames.name(of: image.label))), ("seed", JobJSON.seed(image.seed)),
      ("width", .integer(model.imageSize)), ("height", .integer(model.imageSize)),
    ]
  }

  /// The path of an image.
  static func path(of id: String, _ suffix: String) -> String { "/api/v1/images/\(id).\(suffix)" }

  /// An event.
  ///
  /// - Parameters:
  ///   - event: the event.
  ///   - job: the job afterwards, for the last event.
  ///   - number: of the event.
  /// - Returns: nil for a preview that cannot be encoded.
  func event(_ event: JobEvent, _ job: JobStatus?, number: Int) -> ServerSentEvent? {
    let (name, members): (String, [(key: String, value: JSON)])
    let end = [job.map { (key: "job", value: self.job($0)) }].compactMap { $0 }
    switch event {
    case .queued(let position): (name, members) = ("queued", [("position", .integer(position))])
    case .step(let step):
      name = "step"
      members = [
        ("step", .integer(step.step)), ("steps", step.count.map(JSON.integer) ?? .null),
        ("progress", .number(JobJSON.rounded(step.progress))),
        ("seconds_left", JobJSON.seconds(step.secondsLeft)),
      ]
    case .preview(let preview):
      guard let jpeg = try? preview.image.jpeg(quality: JobJSON.previewQuality) else { return nil }
      name = "preview"
      members = [
        ("index", .integer(preview.index)), ("number", .integer(preview.number)),
        ("step", .integer(preview.step)), ("width", .integer(preview.image.width)),
        ("height", .integer(preview.image.height)), ("mime_type", .string("image/jpeg")),
        ("image", .string(jpeg.base64)),
      ]
    case .image(let image, let index):
      (name, members) = ("image", self.members(image.identity, index: index))
    case .done: (name, members) = ("done", end)
    case .failed(let message):
      (name, members) = ("failed", [("message", .string(message))] + end)
    case .cancelled: (name, members) = ("cancelled", end)
    }
    return ServerSentEvent(
      name: name, data: .object([("type", .string(name))] + members), id: number)
  }

  /// Previews are seen for a moment.
  static let previewQuality = 85

  /// A seed.
  static func seed(_ seed: UInt64) -> JSON {
    Int(exactly: seed).map(JSON.integer) ?? .unsigned(seed)
  }

  private static func rounded(_ share: Double) -> Double { (share * 1e4).rounded() / 1e4 }

  private static func seconds(_ seconds: Double?) -> JSON {
    seconds.map { .number(($0 * 100).rounded() / 100) } ?? .null
  }
}
