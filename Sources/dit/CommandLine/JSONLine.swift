internal import Foundation

/// A JSON object on one line, sorted by name.
enum JSONLine {
  /// The object's text.
  ///
  /// - Throws: if JSON has no such value.
  static func text(_ fields: [String: Any]) throws -> String {
    let data = try JSONSerialization.data(
      withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }
}
