internal import Foundation

/// Indented JSON, sorted by name, with names in snake_case.
enum JSONReport {
  /// The text, without a line end.
  ///
  /// - Throws: if JSON has no such value.
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
