internal import Foundation

/// Class names in a checkpoint's metadata: a JSON list under `class_names`.
public enum ClassNameList {
  /// The names; empty if the metadata has none.
  public static func decode(_ metadata: [String: String]) -> [String] {
    guard let json = metadata["class_names"] else { return [] }
    return (try? JSONDecoder().decode([String].self, from: Data(json.utf8))) ?? []
  }

  /// The text for `class_names`.
  public static func encode(_ names: [String]) -> String {
    let json = (try? JSONEncoder().encode(names)) ?? Data("[]".utf8)
    return String(decoding: json, as: UTF8.self)
  }

  /// A checksum of the names and their order.
  public static func checksum(_ names: [String]) -> String {
    CRC32.text(Array(encode(names).utf8).withUnsafeBytes(CRC32.checksum))
  }
}
