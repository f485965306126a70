internal import Files

/// What a route is for, in the words of OpenAPI 3.1.
struct Operation: Sendable {
  /// The API that it belongs to.
  enum Tag: String, Sendable, CaseIterable {
    case native
    case openAI = "openai"
    case webUI = "webui"
    case server

    /// What the API is.
    var summary: String {
      switch self {
      case .native: "Jobs with live previews, and images."
      case .openAI: "OpenAI's Images API."
      case .webUI: "The routes of Stable Diffusion web UI that its clients call most."
      case .server: "The page and what watches the server."
      }
    }
  }

  /// A part of the path or of the query.
  struct Parameter: Sendable {
    let name: String
    let place: String
    let schema: JSON
    let summary: String
  }

  /// What a response has.
  struct Content: Sendable {
    let type: String
    let schema: JSON

    /// JSON of a schema.
    static func json(_ schema: JSON) -> Content {
      Content(type: "application/json", schema: schema)
    }
    /// Server-sent events.
    static func events(_ name: String) -> Content {
      Content(type: "text/event-stream", schema: .reference(name))
    }
    /// A file, or text.
    static func text(_ type: String) -> Content { Content(type: type, schema: .type("string")) }
    /// A file of bytes.
    static func bytes(_ type: String) -> Content { Content(type: type, schema: .object([])) }
  }

  /// A response.
  struct Answer: Sendable {
    let status: Int
    let summary: String
    let contents: [Content]
    var headers: [(name: String, summary: String, schema: JSON)] = []
  }

  /// The name, for programs that write clients.
  let id: String
  /// The API.
  let tag: Tag
  /// What it does.
  let summary: String
  /// Parts of the path and of the query.
  var parameters: [Parameter] = []
  /// The name of the schema of the body; nil for none.
  var body: String?
  /// What comes if all goes well.
  let answers: [Answer]
  /// Errors of its own, by status.
  var errors: [Int: String] = [:]
}

extension Operation {
  private static let loading = [503: "The model is being loaded, or the server ends."]
  private static let refusals = [
    400: "The request is not understood, or does not fit the model.",
    413: "The body is too large.", 415: "The body is not JSON.",
    429: "Too many jobs wait; Retry-After says when to try again.",
    503: "The model is being loaded, or the server ends.",
  ]
  private static let gone = [404: "There is none of that name, or it is gone."]

  private static let jobID = Parameter(
    name: "id", place: "path",
    schema: .object([("type", .string("string")), ("pattern", .string("^[0-9a-f]{32}$"))]),
    summary: "The name of the job.")
  private static let imageID = Parameter(
    name: "id", place: "path", schema: jobID.schema, summary: "The name of the image.")

  private static func ok(_ summary: String, _ contents: Content...) -> [Answer] {
    [Answer(status: 200, summary: summary, contents: contents)]
  }

  private static func job(_ summary: String) -> [Answer] {
    ok(summary, .json(.reference("Job")))
  }

  static let createJob = Operation(
    id: "createJob", tag: .native, summary: "Ask for images. They wait in the queue.",
    body: "JobRequest",
    answers: [
      Answer(
        status: 202, summary: "The job.", contents: [.json(.reference("Job"))],
        headers: [("Location", "The path of the job.", .type("string"))])
    ], errors: refusals)
  static let showJob = Operation(
    id: "showJob", tag: .native, summary: "How a job stands.", parameters: [jobID],
    answers: job("The job."), errors: gone)
  static let cancelJob = Operation(
    id: "cancelJob", tag: .native,
    summary: "Cancel a job. Its images leave their batch at the next step.", parameters: [jobID],
    answers: job("The job as it is afterwards."), errors: gone)
  static let jobEvents = Operation(
    id: "jobEvents", tag: .native,
    summary: "The events of a job as they happen: queued, step, preview, image, done, failed,"
      + " cancelled. Images that are there come first. The stream ends with the job.",
    parameters: [jobID], answers: ok("Server-sent events.", .events("JobEvent")),
    errors: gone)
  static let pngImage = Operation(
    id: "pngImage", tag: .native,
    summary: "An image as PNG, with the record of how it was made. Open to all who know its name.",
    parameters: [imageID], answers: ok("The file.", .bytes("image/png")), errors: gone)
  static let jpegImage = Operation(
    id: "jpegImage", tag: .native, summary: "An image as JPEG. Open to all who know its name.",
    parameters: [imageID], answers: ok("The file.", .bytes("image/jpeg")), errors: gone)
  static let classes = Operation(
    id: "classes", tag: .native, summary: "The classes that the model draws.",
    answers: ok("The classes.", .json(.reference("Classes"))), errors: loading)
  static let capabilities = Operation(
    id: "capabilities", tag: .native,
    summary: "The model, its samplers with their options, limits.",
    answers: ok("What the server can do.", .json(.reference("Capabilities"))), errors: loading)

  static let createImages = Operation(
    id: "createImages", tag: .openAI,
    summary: "Draw images and wait for them. Closing the connection cancels.",
    body: "ImageGenerationRequest",
    answers: ok(
      "The images; with stream, their events.", .json(.reference("ImagesResponse")),
      .events("ImageEvent")),
    errors: refusals.merging([404: "The server has no such model."]) { first, _ in first })
  static let models = Operation(
    id: "models", tag: .openAI, summary: "The models: one.",
    answers: ok("The models.", .json(.reference("Models"))), errors: loading)
  static let model = Operation(
    id: "model", tag: .openAI, summary: "A model.",
    parameters: [
      Parameter(
        name: "id", place: "path",
        schema: .object([("type", .string("string")), ("minLength", .integer(1))]),
        summary: "Its name.")
    ],
    answers: ok("The model.", .json(.reference("Model"))),
    errors: loading.merging(gone) { first, _ in first })

  static let webUIGenerate = Operation(
    id: "txt2img", tag: .webUI, summary: "Draw images and wait for them.",
    body: "WebUIRequest", answers: ok("The images.", .json(.reference("WebUIResponse"))),
    errors: refusals.merging([404: "There is no such sampler."]) { first, _ in first })
  static let webUIProgress = Operation(
    id: "progress", tag: .webUI, summary: "How far the job is that is drawn now.",
    parameters: [
      Parameter(
        name: "skip_current_image", place: "query", schema: .type("boolean"),
        summary: "Leave the preview out.")
    ],
    answers: ok("The progress.", .json(.reference("WebUIProgress"))))
  static let webUIInterrupt = Operation(
    id: "interrupt", tag: .webUI, summary: "Stop the jobs of txt2img.",
    answers: ok("Nothing.", .json(.type("object"))))
  static let webUISamplers = Operation(
    id: "samplers", tag: .webUI, summary: "The samplers.",
    answers: ok("The samplers.", .json(.list(of: .reference("WebUISampler")))), errors: loading)
  static let webUIOptions = Operation(
    id: "options", tag: .webUI, summary: "The options.",
    answers: ok("The options.", .json(.type("object"))), errors: loading)
  static let webUISetOptions = Operation(
    id: "setOptions", tag: .webUI, summary: "Choose the model: the one that is there.",
    body: "WebUIOptions", answers: ok("Nothing.", .json(.type("null"))), errors: refusals)
  static let webUIPNGInfo = Operation(
    id: "pngInfo", tag: .webUI, summary: "The texts of a PNG file; empty for a file without.",
    body: "WebUIPNGInfoRequest", answers: ok("The texts.", .json(.reference("WebUIPNGInfo"))),
    errors: refusals)

  static let page = Operation(
    id: "page", tag: .server, summary: "The page.", answers: ok("The page.", .text("text/html")))
  static let health = Operation(
    id: "health", tag: .server, summary: "Whether the server takes jobs. Open to all.",
    answers: ok("It does.", .json(.reference("Health")))
      + [
        Answer(
          status: 503, summary: "The model is being loaded, or the server ends.",
          contents: [.json(.reference("Health"))])
      ])
  static let metrics = Operation(
    id: "metrics", tag: .server, summary: "Figures in Prometheus' text form.",
    answers: ok("The figures.", .text("text/plain")))
  static let openAPI = Operation(
    id: "openAPI", tag: .server, summary: "This document.",
    answers: ok("The document.", .json(.type("object"))))
}
