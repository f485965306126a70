internal import Files
internal import HTTPTypes

/// The description of all routes (OpenAPI 3.1). Values depend on the model; before it is loaded they are all
/// that any model takes.
struct OpenAPIDocument {
  let routes: RouteTable
  let model: ModelDescription?
  let needsToken: Bool

  /// The version of the routes.
  static let version = "1"

  /// The document.
  var json: JSON {
    let security: [(key: String, value: JSON)] =
      needsToken ? [("security", .array([.object([("token", .array([]))])]))] : []
    return .object(
      [
        ("openapi", .string("3.1.0")),
        (
          "info",
          .object([
            ("title", .string("dit serve")), ("version", .string(OpenAPIDocument.version)),
            (
              "description",
              .string("Draws images of the classes of a Diffusion Transformer.")
            ),
          ])
        ),
        (
          "tags",
          .array(
            Operation.Tag.allCases.map {
              .object([("name", .string($0.rawValue)), ("description", .string($0.summary))])
            })
        ), ("paths", paths),
        ("components", .object([("schemas", .object(Schemas(model: model).all))] + scheme)),
      ] + security)
  }

  private var scheme: [(key: String, value: JSON)] {
    guard needsToken else { return [] }
    let bearer = JSON.object([("type", .string("http")), ("scheme", .string("bearer"))])
    return [("securitySchemes", .object([("token", bearer)]))]
  }

  private var paths: JSON {
    var paths: [(key: String, value: JSON)] = []
    for path in routes.routes.map(\.path) where !paths.contains(where: { $0.key == path }) {
      let own = routes.routes.filter { $0.path == path }
      paths.append(
        (path, .object(own.map { ($0.method.rawValue.lowercased(), json(of: $0)) })))
    }
    return .object(paths)
  }

  private func json(of route: Route) -> JSON {
    let operation = route.operation
    var members: [(key: String, value: JSON)] = [
      ("operationId", .string(operation.id)), ("tags", .array([.string(operation.tag.rawValue)])),
      ("summary", .string(operation.summary)),
    ]
    if route.isOpen, needsToken { members.append(("security", .array([]))) }
    if !operation.parameters.isEmpty {
      members.append(("parameters", .array(operation.parameters.map(json))))
    }
    if let body = operation.body {
      let content = JSON.object([
        ("application/json", .object([("schema", .reference(body))]))
      ])
      members.append(
        ("requestBody", .object([("required", .bool(true)), ("content", content)])))
    }
    members.append(("responses", responses(of: operation)))
    return .object(members)
  }

  private func json(of parameter: Operation.Parameter) -> JSON {
    .object([
      ("name", .string(parameter.name)), ("in", .string(parameter.place)),
      ("required", .bool(parameter.place == "path")), ("description", .string(parameter.summary)),
      ("schema", parameter.schema),
    ])
  }

  private func responses(of operation: Operation) -> JSON {
    let answers = operation.answers.map { answer -> (key: String, value: JSON) in
      let content = answer.contents.map {
        (key: $0.type, value: JSON.object([("schema", $0.schema)]))
      }
      let headers = answer.headers.map { header in
        (
          key: header.name,
          value: JSON.object([
            ("description", .string(header.summary)), ("schema", header.schema),
          ])
        )
      }
      let members: [(key: String, value: JSON)] = [
        ("description", .string(answer.summary)), ("content", .object(content)),
      ]
      let more: [(key: String, value: JSON)] =
        headers.isEmpty ? [] : [("headers", .object(headers))]
      return (String(answer.status), .object(members + more))
    }
    let error = JSON.reference(operation.tag == .webUI ? "WebUIError" : "Error")
    func failure(_ summary: String) -> JSON {
      .object([
        ("description", .string(summary)),
        ("content", .object([("application/json", .object([("schema", error)]))])),
      ])
    }
    let failures = operation.errors.sorted { $0.key < $1.key }.map {
      (key: String($0.key), value: failure($0.value))
    }
    return .object(answers + failures + [("default", failure("Any other error."))])
  }
}
