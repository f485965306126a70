internal import Diffusion
internal import Files
internal import Pipeline

/// The schemas of what is sent and answered.
struct Schemas {
  let model: ModelDescription?

  /// All, by name.
  var all: [(key: String, value: JSON)] {
    [("Prompt", prompt), ("JobRequest", jobRequest)] + Schemas.native
      + [("ImageGenerationRequest", imageGenerationRequest)] + Schemas.openAI
      + [("WebUIRequest", webUIRequest), ("WebUIOptions", webUIOptions)] + Schemas.webUI
  }

  // MARK: - Requests

  /// The classes; of a loaded model all that it knows, so that programs can choose.
  private var prompt: JSON {
    let description = "The name, a synonym or the number of a class, in small or capital letters."
    guard let model else {
      return .object([("type", .array([.string("string"), .string("integer")]))]).described(
        description)
    }
    let (classes, numbers) = (model.classNames, 0...(model.classNames.count - 1))
    let texts = numbers.map(String.init) + classes.spellings.flatMap(\.self)
    return .object([("anyOf", .array([.integers(numbers), .choices(texts)]))])
      .described(description)
  }

  private var common: [(key: String, value: JSON)] {
    [
      ("prompt", .reference("Prompt")),
      (
        "n",
        JSON.integers(1...(model?.imageLimit ?? 1000)).orNull
          .described("The number of images. 1 if it is not given.")
      ),
      ("seed", seed),
      ("size", sizes.orNull.described("The model's own.")),
      (
        "model",
        (model.map { JSON.choices([$0.name]) } ?? .type("string")).orNull
          .described("The name of the model.")
      ),
    ]
  }

  private var seed: JSON {
    JSON.object([
      ("type", .string("integer")), ("minimum", .integer(-1)), ("maximum", .unsigned(UInt64.max)),
    ]).orNull.described(
      "The seed of the first image; each further one has the next. -1 for a random one;"
        + " \(model.map { "\($0.defaultSeed)" } ?? "that of the server") if it is not given.")
  }

  private var sizes: JSON {
    model.map { .choices([$0.sizeText, "auto"]) } ?? .type("string")
  }

  private var sampling: [(key: String, value: JSON)] {
    SamplingConditions(model: model).fields.map { field in
      (field.name, field.values(model).orNull.described(field.summary))
    }
  }

  private func request(_ own: [(key: String, value: JSON)]) -> JSON {
    let properties = common + own + sampling
    let optional = Set(properties.map(\.key)).subtracting(["prompt"])
    return JSON.record(properties, optional: optional).with(
      "allOf", .array(SamplingConditions(model: model).all))
  }

  private var jobRequest: JSON { request([]) }

  private var imageGenerationRequest: JSON {
    let unused = ImageGeneration.unusedNames.map { name in
      (
        key: name,
        value: JSON.type("string").orNull.described("Taken as clients send it, without effect.")
      )
    }
    let own: [(key: String, value: JSON)] = [
      (
        "response_format",
        JSON.choices(ImageGeneration.ResponseFormat.allCases.map(\.rawValue)).orNull
          .described("How images are returned; b64_json if it is not given.")
      ),
      (
        "output_format",
        JSON.choices(ImageFormat.allCases.map(\.rawValue)).orNull
          .described("The form of images; png if it is not given.")
      ),
      (
        "output_compression",
        JSON.integers(0...100).orNull.described("The quality of JPEG.")
      ),
      ("stream", JSON.type("boolean").orNull.described("Send events as the images are drawn.")),
      (
        "partial_images",
        JSON.integers(0...ImageGeneration.partialImageLimit).orNull
          .described("Previews of each image in the stream.")
      ),
    ]
    return request(own + unused)
  }

  private var webUIRequest: JSON {
    let side = model.map { JSON.integers($0.imageSize...$0.imageSize) } ?? .type("integer")
    let limit = model?.imageLimit ?? 1000
    let samplers = (model?.samplers ?? SamplingMethod.all).flatMap {
      [$0.name] + WebUISamplers.aliases(of: $0)
    }
    let properties: [(key: String, value: JSON)] = [
      ("prompt", .reference("Prompt")), ("negative_prompt", JSON.type("string").orNull),
      ("seed", seed), ("steps", JSON.integers(SamplingRange.steps).orNull),
      ("cfg_scale", JSON.numbers(SamplingRange.guidanceScale).orNull), ("width", side.orNull),
      ("height", side.orNull), ("sampler_name", JSON.choices(samplers).orNull),
      ("sampler_index", JSON.choices(samplers).orNull),
      ("eta", JSON.numbers(SamplingRange.eta).orNull),
      ("batch_size", JSON.integers(1...limit).orNull), ("n_iter", JSON.integers(1...limit).orNull),
      ("send_images", JSON.type("boolean").orNull),
      (
        "enable_hr",
        JSON.object([("type", .string("boolean")), ("enum", .array([.bool(false)]))]).orNull
      ),
    ]
    let optional = Set(properties.map(\.key)).subtracting(["prompt"])
    return JSON.record(properties, optional: optional, isOpen: true).with(
      "allOf", .array([Schemas.product("batch_size", "n_iter", limit: limit)]))
  }

  /// That the product of two numbers has a limit.
  private static func product(_ a: String, _ b: String, limit: Int) -> JSON {
    var areas: [JSON] = []
    var last = limit + 1
    for first in 1...limit where limit / first < last {
      // The largest first number with this second one.
      last = limit / first
      areas.append(
        .object([
          (
            "properties",
            .object([
              (a, JSON.integers(1...(limit / last)).orNull), (b, JSON.integers(1...last).orNull),
            ])
          )
        ]))
    }
    return .object([("anyOf", .array(areas))])
  }

  private var webUIOptions: JSON {
    let names = model.map { JSON.choices([$0.name]) } ?? .type("string")
    return .record([("sd_model_checkpoint", names.orNull)], optional: ["sd_model_checkpoint"])
  }
}
