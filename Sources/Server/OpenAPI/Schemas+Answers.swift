internal import Files

extension Schemas {
  private static let id = JSON.object([
    ("type", .string("string")), ("pattern", .string("^[0-9a-f]{32}$")),
  ])
  private static let text = JSON.type("string")
  private static let integer = JSON.type("integer")
  private static let number = JSON.type("number")
  private static let share = JSON.numbers(0...1)
  private static let object = JSON.type("object")

  /// An event of a stream by its name, with the members of its data.
  private static func event(_ kinds: [String: [(key: String, value: JSON)]]) -> JSON {
    let forms = kinds.sorted { $0.key < $1.key }.map { name, members in
      JSON.record(
        [
          ("event", .choices([name])),
          (
            "data",
            .object([
              ("type", .string("string")), ("contentMediaType", .string("application/json")),
              (
                "contentSchema",
                .record([("type", .choices([name]))] + members, optional: ["url", "job"])
              ),
            ])
          ), ("id", text),
        ], optional: ["id"], isOpen: true)
    }
    return .object([("anyOf", .array(forms))])
  }

  /// Of the native API, and of errors.
  static let native: [(key: String, value: JSON)] = [
    (
      "Job",
      .record([
        ("id", id), ("status", .choices(JobStatus.State.allCases.map(\.rawValue))),
        ("position", integer.orNull.described("Jobs before it, while it waits.")),
        ("step", integer), ("steps", integer.orNull), ("progress", share),
        ("seconds_left", number.orNull), ("images", .list(of: .reference("Image"))),
        ("error", text.orNull),
        ("notes", JSON.list(of: text).described("What was asked for and changes nothing.")),
        (
          "request",
          object.described("With all that was left open; it can be posted as it is.")
        ),
      ])
    ),
    (
      "Image",
      .record([
        ("id", id), ("index", integer.described("Its place in the request.")), ("url", text),
        ("class", integer), ("name", text), ("seed", integer), ("width", integer),
        ("height", integer),
      ])
    ),
    (
      "Classes",
      .record([
        (
          "classes",
          .list(
            of: .record([("id", integer), ("name", text), ("synonyms", .list(of: text))]))
        )
      ])
    ),
    (
      "Capabilities",
      .record([
        (
          "model",
          .record([
            ("id", text), ("built_in", .type("boolean")), ("image_size", integer),
            ("classes", integer), ("precision", text), ("device", text), ("created", integer),
          ])
        ), ("defaults", object),
        (
          "samplers",
          .list(
            of: .record([
              ("name", text), ("steps", integer.orNull), ("options", .list(of: text)),
            ]))
        ), ("options", object.described("The fields of sampling, each with a schema.")),
        (
          "limits",
          .record([
            ("images_per_job", integer), ("queue", integer), ("batch", integer),
            ("body_bytes", integer),
          ])
        ), ("formats", .list(of: text)),
      ])
    ),
    (
      "JobEvent",
      event([
        "queued": [("position", integer)],
        "step": [
          ("step", integer), ("steps", integer.orNull), ("progress", share),
          ("seconds_left", number.orNull),
        ],
        "preview": [
          ("index", integer), ("number", integer), ("step", integer), ("width", integer),
          ("height", integer), ("mime_type", text), ("image", text),
        ],
        "image": [
          ("id", id), ("index", integer), ("url", text), ("class", integer), ("name", text),
          ("seed", integer), ("width", integer), ("height", integer),
        ], "done": [("job", .reference("Job"))],
        "failed": [("message", text), ("job", .reference("Job"))],
        "cancelled": [("job", .reference("Job"))],
      ])
    ), ("Health", .record([("status", .choices(["ok", "loading", "ending"]))])),
    (
      "Error",
      .record([
        (
          "error",
          .record([
            ("message", text), ("type", text), ("param", text.orNull), ("code", text.orNull),
          ])
        )
      ])
    ),
  ]

  private static let usage = JSON.record([
    ("input_tokens", integer),
    ("input_tokens_details", .record([("image_tokens", integer), ("text_tokens", integer)])),
    ("output_tokens", integer), ("total_tokens", integer),
  ])

  /// The members of both events of images.
  private static let form: [(key: String, value: JSON)] = [
    ("created_at", integer), ("background", text), ("output_format", text), ("quality", text),
    ("size", text),
  ]

  /// Of OpenAI's API.
  static let openAI: [(key: String, value: JSON)] = [
    (
      "ImagesResponse",
      .record([
        ("created", integer),
        (
          "data",
          .list(
            of: .record(
              [
                ("b64_json", text), ("url", text), ("revised_prompt", text), ("seed", integer),
              ], optional: ["b64_json", "url"]))
        ), ("background", text), ("output_format", text), ("quality", text), ("size", text),
        ("usage", usage),
      ])
    ),
    (
      "ImageEvent",
      event([
        "image_generation.partial_image": form + [
          ("partial_image_index", integer), ("b64_json", text), ("image_index", integer),
        ],
        "image_generation.completed": form + [
          ("b64_json", text), ("image_index", integer), ("seed", integer), ("usage", usage),
          ("url", text),
        ], "error": [("error", object)],
      ])
    ),
    (
      "Model",
      .record([
        ("id", text), ("object", .choices(["model"])), ("created", integer), ("owned_by", text),
      ])
    ),
    (
      "Models",
      .record([("object", .choices(["list"])), ("data", .list(of: .reference("Model")))])
    ),
  ]

  /// Of web UI's routes.
  static let webUI: [(key: String, value: JSON)] = [
    (
      "WebUIResponse",
      .record([
        ("images", .list(of: text)), ("parameters", object),
        ("info", text.described("An object in JSON.")),
      ])
    ),
    (
      "WebUIProgress",
      .record([
        ("progress", share), ("eta_relative", number), ("state", object),
        ("current_image", text.orNull), ("textinfo", text.orNull),
      ])
    ),
    (
      "WebUISampler",
      .record([("name", text), ("aliases", .list(of: text)), ("options", object)])
    ),
    (
      "WebUIPNGInfoRequest",
      .record(
        [
          (
            "image",
            .object([
              ("type", .string("string")),
              (
                "pattern",
                .string(
                  "^(data:image/[a-z]+;base64,)?([A-Za-z0-9+/]{4})*"
                    + "([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")
              ),
            ]).described("A file in base64.")
          )
        ], isOpen: true)
    ),
    (
      "WebUIPNGInfo",
      .record([("info", text), ("items", object), ("parameters", object)])
    ),
    (
      "WebUIError",
      .record([("error", text), ("detail", text), ("body", text), ("errors", text)])
    ),
  ]
}
