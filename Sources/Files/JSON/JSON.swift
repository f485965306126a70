internal import Foundation

/// A JSON value (RFC 8259).
package enum JSON: Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  /// An integer beyond `Int`.
  case unsigned(UInt64)
  /// Infinities and NaN, which JSON lacks, become null.
  case number(Double)
  case string(String)
  case array([JSON])
  /// Members keep their order.
  case object([(key: String, value: JSON)])

  /// The value on one line, without spaces.
  package var text: String {
    switch self {
    case .null: "null"
    case .bool(let flag): "\(flag)"
    case .integer(let number): "\(number)"
    case .unsigned(let number): "\(number)"
    case .number(let number): number.isFinite ? "\(number)" : "null"
    case .string(let text): JSON.quoted(text)
    case .array(let items): "[\(items.map(\.text).joined(separator: ","))]"
    case .object(let members):
      "{\(members.map { "\(JSON.quoted($0.key)):\($0.value.text)" }.joined(separator: ","))}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension JSON {
  /// Reads a text.
  ///
  /// - Parameters:
  ///   - bytes: the text, in UTF-8.
  ///   - depth: how deep lists and objects may nest.
  /// - Throws: `JSONError`, also for a key that comes twice.
  package init(reading bytes: UnsafeRawBufferPointer, depth: Int = 32) throws {
    var reader = JSONReader(bytes)
    self = try reader.value(depth: depth)
    try reader.end()
  }

  /// A value as JSON for people and programs: indented, keys sorted and in snake_case. The same value
  /// always gives the same text.
  ///
  /// - Returns: the text, without a line end.
  /// - Throws: `EncodingError` for an infinite number or NaN.
  package static func report(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Numbers and texts as one object on one line, keys sorted.
  ///
  /// - Returns: the text, without a line end.
  /// - Throws: for a value that JSON lacks.
  package static func line(_ fields: [String: Any]) throws -> String {
    let data = try JSONSerialization.data(
      withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }
}
