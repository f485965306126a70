internal import Foundation

/// The path of a file below `Tests/Golden`.
public func golden(_ path: String) -> String {
  URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden").appending(path: path).path
}
