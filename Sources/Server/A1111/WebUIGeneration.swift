internal import Diffusion
internal import Files
internal import Foundation
internal import HTTPTypes
internal import ImageData
internal import Pipeline

/// A request of `txt2img`. Fields that this server does not know are left aside: clients send dozens.
struct WebUIGeneration {
  /// What to draw.
  let request: ImageRequest
  /// Whether the images are sent.
  let sendsImages: Bool
  private let batchSize: Int
  private let batchCount: Int
  private let fields: JSONFields
  private let model: ModelDescription

  /// Reads a request.
  ///
  /// - Throws: `APIError` for values that cannot be used.
  init(_ fields: JSONFields, _ model: ModelDescription) throws(APIError) {
    (self.fields, self.model) = (fields, model)
    guard try fields.flag("enable_hr") != true else {
      throw .invalid("enable_hr", "enable_hr: this model makes \(model.sizeText) and no other size")
    }
    for side in ["width", "height"] {
      let value = try fields.integer(side, in: 1...65536)
      guard value ?? model.imageSize == model.imageSize else {
        throw .invalid(side, "\(side) is \(value ?? 0): the model makes \(model.sizeText)")
      }
    }
    guard let prompt = fields["prompt"] else {
      throw .invalid("prompt", "prompt is missing: the name or the number of a class")
    }
    _ = try fields.string("negative_prompt")
    sendsImages = try fields.flag("send_images") ?? true
    batchSize = try fields.integer("batch_size", in: 1...model.imageLimit) ?? 1
    batchCount = try fields.integer("n_iter", in: 1...model.imageLimit) ?? 1
    guard batchSize * batchCount <= model.imageLimit else {
      throw .invalid(
        "n_iter",
        "\(batchSize * batchCount) images: one request has 1 to \(model.imageLimit)")
    }
    let seed = fields["seed"] ?? .integer(-1)
    request = ImageRequest(
      label: try ClassPrompt(model.classNames).label(of: prompt), count: batchSize * batchCount,
      seed: try ImageFields.seed(seed), options: try WebUIGeneration.options(fields, model))
  }

  private static func options(
    _ fields: JSONFields, _ model: ModelDescription
  ) throws(APIError) -> SamplingOptions {
    var wish = SamplingWish(model)
    let index = try fields.string("sampler_index")
    if let name = try fields.string("sampler_name") ?? index {
      guard let sampler = WebUISamplers.method(named: name, model) else {
        let known = model.samplers.map(\.name).joined(separator: ", ")
        // As web UI has it.
        throw APIError(
          .notFound, "sampler_not_found",
          "Sampler not found: '\(name.clipped)'; there are \(known)",
          parameter: "sampler_name")
      }
      wish.sampler = sampler
    }
    wish.steps = try fields.integer("steps", in: SamplingRange.steps)
    // Clients send it always; some models have guidance in them.
    let family = model.defaults.family
    if let scale = try fields.number("cfg_scale", in: SamplingRange.guidanceScale),
      family.takesGuidance || !family.predictsAverages
    {
      wish.guidance.scale = scale
    }
    // Clients send it always, and for other samplers it means something else.
    if let eta = try fields.number("eta", in: SamplingRange.eta),
      wish.sampler?.options.contains(.eta) == true
    {
      wish.options.eta = eta
    }
    return try wish.options(model.defaults)
  }

  /// The response.
  ///
  /// - Parameters:
  ///   - images: those that are there, in their order.
  ///   - isInterrupted: whether there would be more.
  /// - Returns: the object.
  func response(_ images: [DrawnImage], isInterrupted: Bool) -> JSON {
    .object([
      ("images", .array(sendsImages ? images.map { .string($0.png.base64) } : [])),
      ("parameters", parameters), ("info", .string(info(images, isInterrupted).text)),
    ])
  }

  /// What was asked for, with what was left open.
  private var parameters: JSON {
    let own = settled
    let names = Set(own.map(\.key))
    return .object(fields.members.filter { !names.contains($0.key) } + own)
  }

  private var settled: [(key: String, value: JSON)] {
    let options = request.options.settled(for: model.process)
    return [
      ("prompt", fields["prompt"] ?? .null),
      ("negative_prompt", fields["negative_prompt"] ?? .string("")),
      ("seed", JobJSON.seed(request.seed)), ("width", .integer(model.imageSize)),
      ("height", .integer(model.imageSize)), ("sampler_name", .string(options.sampler.name)),
      ("cfg_scale", .compact(options.guidance.scale)),
      ("steps", .integer(options.stepCount ?? 0)), ("batch_size", .integer(batchSize)),
      ("n_iter", .integer(batchCount)),
    ]
  }

  private func info(_ images: [DrawnImage], _ isInterrupted: Bool) -> JSON {
    let name = model.classNames.name(of: request.label)
    let texts = images.map { image in
      image.png.withUnsafeBufferPointer { (try? PNGText.text("parameters", in: $0)) ?? nil } ?? ""
    }
    func repeated(_ value: JSON) -> JSON { .array(images.map { _ in value }) }
    return .object(
      settled.filter { $0.key != "n_iter" } + [
        ("all_prompts", repeated(.string(name))), ("all_negative_prompts", repeated(.string(""))),
        ("all_seeds", .array(images.map { JobJSON.seed($0.identity.seed) })),
        ("subseed", .integer(-1)), ("all_subseeds", repeated(.integer(-1))),
        ("subseed_strength", .integer(0)), ("restore_faces", .bool(false)),
        ("face_restoration_model", .null), ("sd_model_name", .string(model.name)),
        ("sd_model_hash", .string("")), ("seed_resize_from_w", .integer(-1)),
        ("seed_resize_from_h", .integer(-1)), ("denoising_strength", .null),
        ("extra_generation_params", .object([])), ("index_of_first_image", .integer(0)),
        ("infotexts", .array(texts.map(JSON.string))), ("styles", .array([])),
        ("job_timestamp", .string("")), ("clip_skip", .integer(1)),
        ("is_using_inpainting_conditioning", .bool(false)), ("interrupted", .bool(isInterrupted)),
      ])
  }
}

/// Samplers by the names of web UI.
enum WebUISamplers {
  private static let aliases: [String: String] = [
    "ddpm": "DDPM", "ddim": "DDIM", "euler": "Euler", "heun": "Heun", "unipc": "UniPC",
    "dpm++2m": "DPM++ 2M", "dpm++3m": "DPM++ 3M", "dpm++2m-sde": "DPM++ 2M SDE",
  ]

  /// The other names of a sampler.
  static func aliases(of method: SamplingMethod) -> [String] {
    aliases[method.name].map { [$0] } ?? []
  }

  /// The sampler of a name; nil for none that fits the model.
  static func method(named name: String, _ model: ModelDescription) -> SamplingMethod? {
    let wanted = name.lowercased()
    return model.samplers.first { method in
      ([method.name] + aliases(of: method)).contains { $0.lowercased() == wanted }
    }
  }
}
