internal import Checkpoint
internal import Files
internal import Foundation

/// The file that `dit convert` writes.
struct ConvertTarget {
  /// Its path.
  let path: String
  /// Its format, by the suffix.
  let format: CheckpointFormat

  private static let formats: [String: CheckpointFormat] = [
    "safetensors": .safetensors, "pt": .pytorch, "pth": .pytorch, "bin": .pytorch,
    "ckpt": .mindspore,
  ]

  /// Settles the path, and checks that it can be written, before any work is done.
  ///
  /// - Parameters:
  ///   - target: a file, or a folder for a file of the source's name; it is made if it is missing.
  ///   - source: what is read.
  ///   - replacesFile: whether the file may be there.
  /// - Throws: `UsageError`, `FileError`.
  init(_ target: String, source: String, replacesFile: Bool) throws {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    let isThere = manager.fileExists(atPath: target, isDirectory: &isFolder)
    let suffix = URL(filePath: target).pathExtension.lowercased()
    if isThere ? isFolder.boolValue : target.hasSuffix("/") || suffix.isEmpty {
      let stem = URL(filePath: source).deletingPathExtension().lastPathComponent
      path = (target.hasSuffix("/") ? target : target + "/") + stem + ".safetensors"
      format = .safetensors
    } else {
      guard let format = ConvertTarget.formats[suffix] else {
        throw UsageError(
          "--target '\(target)': the suffix tells the format and must be .safetensors, .pt, .pth,"
            + " .bin or .ckpt")
      }
      path = target
      self.format = format
    }
    if manager.fileExists(atPath: path) {
      guard ConvertTarget.real(path) != ConvertTarget.real(source) else {
        throw UsageError("'\(path)' is the source itself; choose another --target")
      }
      guard replacesFile else {
        throw UsageError(
          "'\(path)' would be overwritten; choose another --target, or allow it with --force")
      }
    }
    try Folder.make(Folder.parent(of: path))
  }

  /// The path behind symbolic links.
  private static func real(_ path: String) -> String {
    URL(filePath: path).resolvingSymlinksInPath().path
  }
}
