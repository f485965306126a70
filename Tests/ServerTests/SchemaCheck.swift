import Files

/// Holds values against the JSON Schemas of a document: the words that the server's own schemas have.
struct SchemaCheck {
  let document: JSON

  /// Why a value does not fit a schema; nil if it does.
  func fault(of value: JSON, _ schema: JSON, at place: String = "") -> String? {
    for key in schema.keys {
      if let fault = fault(of: value, schema, key, at: place) { return fault }
    }
    return nil
  }

  /// The schema of a component.
  func schema(_ name: String) -> JSON { document["components"]["schemas"][name] }

  private func fault(
    of value: JSON, _ schema: JSON, _ key: String, at place: String
  ) -> String? {
    let rule = schema[key]
    func fits(_ schema: JSON) -> Bool { fault(of: value, schema) == nil }
    switch key {
    case "$ref":
      let name = rule.string?.split(separator: "/").last.map(String.init) ?? ""
      return fault(of: value, self.schema(name), at: place)
    case "type":
      let types = rule.string.map { [$0] } ?? rule.items.compactMap(\.string)
      return types.contains { SchemaCheck.has(value, $0) } ? nil : "\(place): no \(types)"
    case "enum": return rule.items.contains { $0.text == value.text } ? nil : "\(place): not known"
    case "anyOf": return rule.items.contains(where: fits) ? nil : "\(place): fits none"
    case "allOf": return rule.items.lazy.compactMap { fault(of: value, $0, at: place) }.first
    case "if": return fits(rule) ? fault(of: value, schema["then"], at: place) : nil
    case "minimum":
      return SchemaCheck.number(value).map { $0 < SchemaCheck.number(rule) ?? 0 } == true
        ? "\(place): too small" : nil
    case "maximum":
      return SchemaCheck.number(value).map { $0 > SchemaCheck.number(rule) ?? 0 } == true
        ? "\(place): too large" : nil
    case "minItems": return value.items.count < rule.int ?? 0 ? "\(place): too short" : nil
    case "maxItems": return value.items.count > rule.int ?? 0 ? "\(place): too long" : nil
    case "pattern":
      guard let text = value.string, let pattern = try? Regex(rule.string ?? "") else { return nil }
      return text.firstMatch(of: pattern) == nil ? "\(place): no match" : nil
    case "items":
      return value.items.enumerated().lazy.compactMap {
        fault(of: $1, rule, at: "\(place)[\($0)]")
      }.first
    case "properties":
      return rule.keys.lazy.filter { value.keys.contains($0) }.compactMap {
        fault(of: value[$0], rule[$0], at: "\(place).\($0)")
      }.first
    case "required":
      return rule.items.compactMap(\.string).first { !value.keys.contains($0) }
        .map { "\(place): '\($0)' is missing" }
    case "additionalProperties":
      return value.keys.first { !schema["properties"].keys.contains($0) }
        .map { "\(place): '\($0)' is not known" }
    case "then", "description", "default", "contentMediaType", "contentSchema": return nil
    default: return "\(place): the check does not know '\(key)'"
    }
  }

  private static func has(_ value: JSON, _ type: String) -> Bool {
    switch (value, type) {
    case (.null, "null"), (.bool, "boolean"), (.string, "string"), (.array, "array"),
      (.object, "object"), (.integer, "integer"), (.unsigned, "integer"), (.integer, "number"),
      (.unsigned, "number"), (.number, "number"):
      true
    case (.number(let number), "integer"): number.rounded() == number
    default: false
    }
  }

  private static func number(_ value: JSON) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .unsigned(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }
}
