internal import Foundation

/// A value as JSON for people and programs: indented, sorted by name, names with underscores.
enum JSONReport {
  /// The text, without a line end.
  ///
  /// - Throws: if a value is none that JSON has.
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
