internal import Foundation

/// Numbers and texts as one JSON object on one line, sorted by name.
enum JSONLine {
  /// The object.
  ///
  /// - Throws: if a value is none that JSON has.
  static func text(_ fields: [String: Any]) throws -> String {
    let data = try JSONSerialization.data(
      withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }
}
