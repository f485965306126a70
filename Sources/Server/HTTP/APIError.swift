internal import Files
internal import HTTPTypes
internal import Hummingbird

/// An error as a client is told of it.
struct APIError: Error, Equatable {
  /// The status.
  var status: HTTPResponse.Status
  /// What is wrong.
  var message: String
  /// A word for the cause.
  var code: String?
  /// The field at fault.
  var parameter: String?
  /// Fields of the response's head.
  var headers: HTTPFields = [:]

  init(
    _ status: HTTPResponse.Status, _ code: String?, _ message: String, parameter: String? = nil,
    headers: HTTPFields = [:]
  ) {
    self.status = status
    self.message = message
    self.code = code
    self.parameter = parameter
    self.headers = headers
  }

  /// A field has a value that cannot be used.
  static func invalid(_ field: String, _ message: String) -> APIError {
    APIError(.badRequest, "invalid_value", message, parameter: field)
  }

  /// The body is no JSON, or not an object.
  static func json(_ message: String) -> APIError {
    APIError(.badRequest, "invalid_json", message)
  }

  /// There is nothing of that name.
  static func notFound(_ message: String) -> APIError { APIError(.notFound, "not_found", message) }

  /// The body is too large. The connection is closed after the response.
  static func tooLarge(_ limit: Int) -> APIError {
    APIError(
      .contentTooLarge, "request_too_large", "the body of this request can have \(limit) bytes",
      headers: [.connection: "close"])
  }

  /// An error of the service.
  init(_ error: ServiceError) {
    switch error.reason {
    case .request(let field):
      self = .invalid(field, error.message)
    case .queueFull(let seconds):
      self.init(
        .tooManyRequests, "queue_full", error.message, headers: [.retryAfter: "\(seconds)"])
    case .ending:
      self.init(
        .serviceUnavailable, "ending", error.message,
        headers: [.retryAfter: "10", .connection: "close"])
    case .loading:
      self.init(.serviceUnavailable, "loading", error.message, headers: [.retryAfter: "2"])
    case .memory:
      self.init(.serviceUnavailable, "memory", error.message)
    case .unknown:
      self = .notFound(error.message)
    }
  }

  /// The kind of error, in OpenAI's words.
  var type: String {
    switch status.code {
    case 401: "authentication_error"
    case 403: "permission_error"
    case 429: "rate_limit_error"
    case 500...: "server_error"
    default: "invalid_request_error"
    }
  }

  /// The error in the shape of OpenAI and of the native API.
  var json: JSON {
    .object([
      (
        "error",
        .object([
          ("message", .string(message)), ("type", .string(type)),
          ("param", parameter.map(JSON.string) ?? .null), ("code", code.map(JSON.string) ?? .null),
        ])
      )
    ])
  }

  /// The error in the shape of Stable Diffusion web UI.
  var webUI: JSON {
    .object([
      ("error", .string(type)), ("detail", .string(message)), ("body", .string("")),
      ("errors", .string(message)),
    ])
  }

  /// The response to a request of a path.
  func response(to path: String) -> Response {
    let body = path.hasPrefix("/sdapi/") ? webUI : json
    return Response(body, status: status, headers: headers)
  }
}

extension Response {
  /// A response in JSON.
  init(_ json: JSON, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
    var headers = headers
    headers[.contentType] = "application/json"
    self.init(
      status: status, headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(string: json.text)))
  }

  /// A response of bytes.
  init(_ bytes: [UInt8], type: String, headers: HTTPFields = [:]) {
    var headers = headers
    headers[.contentType] = type
    self.init(
      status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}
