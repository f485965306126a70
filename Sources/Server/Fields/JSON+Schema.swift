internal import Diffusion
internal import Files

extension JSON {
  /// A schema of texts.
  static func choices(_ texts: [String]) -> JSON {
    .object([("type", .string("string")), ("enum", .array(texts.map(JSON.string)))])
  }

  /// A schema of integers.
  static func integers(_ range: ClosedRange<Int>) -> JSON {
    .object([
      ("type", .string("integer")), ("minimum", .integer(range.lowerBound)),
      ("maximum", .integer(range.upperBound)),
    ])
  }

  /// A schema of numbers.
  static func numbers(_ range: ClosedRange<Double>) -> JSON {
    .object([
      ("type", .string("number")), ("minimum", .compact(range.lowerBound)),
      ("maximum", .compact(range.upperBound)),
    ])
  }

  /// A schema of a type, without more.
  static func type(_ name: String) -> JSON { .object([("type", .string(name))]) }

  /// A schema of lists.
  static func list(of items: JSON) -> JSON {
    .object([("type", .string("array")), ("items", items)])
  }

  /// The schema of a component.
  static func reference(_ name: String) -> JSON {
    .object([("$ref", .string("#/components/schemas/\(name)"))])
  }

  /// The schema, or null.
  var orNull: JSON { .object([("anyOf", .array([self, .type("null")]))]) }

  /// The schema with a description, or another member more.
  func with(_ key: String, _ value: JSON) -> JSON {
    guard case .object(let members) = self else { return self }
    return .object(members + [(key, value)])
  }

  /// The schema with a description.
  func described(_ text: String) -> JSON { with("description", .string(text)) }

  /// A schema of objects.
  ///
  /// - Parameters:
  ///   - properties: by name.
  ///   - optional: those that may be missing.
  ///   - isOpen: whether others may stand there too.
  /// - Returns: the schema.
  static func record(
    _ properties: [(key: String, value: JSON)], optional: Set<String> = [], isOpen: Bool = false
  ) -> JSON {
    let required = properties.map(\.key).filter { !optional.contains($0) }
    let members: [(key: String, value: JSON)] = [
      ("type", .string("object")), ("properties", .object(properties)),
      ("required", .array(required.map(JSON.string))),
    ]
    return .object(members + (isOpen ? [] : [("additionalProperties", .bool(false))]))
  }
}

extension GuidanceInterval {
  /// Both borders.
  var json: JSON { .array([.compact(low), .compact(high)]) }

  /// Reads a list of two numbers in any order, which a schema cannot ask for, or a text of the lower one, a
  /// comma and the higher one; nil for any other.
  init?(_ json: JSON) {
    switch json {
    case .string(let text): self.init(text)
    case .array(let items):
      let numbers = items.compactMap(\.double)
      guard items.count == 2, numbers.count == 2 else { return nil }
      self.init(from: min(numbers[0], numbers[1]), to: max(numbers[0], numbers[1]))
    default: return nil
    }
  }
}

extension GuidedChannels {
  /// A number, or `all`.
  var json: JSON {
    switch self {
    case .first(let count): .integer(count)
    case .all: .string("all")
    }
  }
}
