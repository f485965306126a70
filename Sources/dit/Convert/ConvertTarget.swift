internal import Checkpoint
internal import Files
internal import Foundation
internal import Pipeline

/// The file that `dit convert` writes.
struct ConvertTarget {
  /// Its path.
  let path: String
  /// Its format.
  let format: CheckpointFormat

  private static let formats: [String: CheckpointFormat] = [
    "safetensors": .safetensors, "pt": .pytorch, "pth": .pytorch, "bin": .pytorch,
    "ckpt": .mindspore,
  ]
  private static let suffixes: [CheckpointFormat: String] = [
    .safetensors: "safetensors", .pytorch: "pt", .mindspore: "ckpt",
  ]

  /// Chooses path and format, and checks that the file can be written, before any work is done.
  ///
  /// - Parameters:
  ///   - target: a file, or a folder for a file with the source's name, made if it is missing.
  ///   - source: the file or folder that is read.
  ///   - given: the format; nil to go by the suffix.
  ///   - replacesFile: whether the file may be overwritten.
  /// - Throws: `UsageError`, `FileError`.
  init(
    _ target: String, source: String, format given: CheckpointFormat?, replacesFile: Bool
  ) throws {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    let isThere = manager.fileExists(atPath: target, isDirectory: &isFolder)
    let suffix = URL(filePath: target).pathExtension.lowercased()
    if isThere ? isFolder.boolValue : target.hasSuffix("/") || suffix.isEmpty {
      let stem = URL(filePath: source).deletingPathExtension().lastPathComponent
      format = given ?? .safetensors
      let name = "\(stem).\(ConvertTarget.suffixes[format] ?? "")"
      path = (target.hasSuffix("/") ? target : target + "/") + name
    } else {
      guard let format = given ?? ConvertTarget.formats[suffix] else {
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

  /// Makes the folder for diffusers, after checks that nothing is lost.
  ///
  /// - Parameters:
  ///   - command: the options.
  ///   - content: the models to be written.
  /// - Returns: the folder's path.
  /// - Throws: `UsageError`, `FileError`.
  static func folder(_ command: ConvertCommand, for content: DiffusersFolder) throws -> String {
    let path = command.target
    let sources = [command.source, command.vaeSource].compactMap { $0 }
    let (inside, top) = (real(path) + "/", try content.replaced(in: path))
    for source in sources {
      let source = real(source) + "/"
      guard !top.contains(where: { (source + "x").hasPrefix(inside + $0 + "/") }), source != inside
      else { throw UsageError("'\(path)' holds the source itself; choose another --target") }
    }
    guard command.force || top.isEmpty else {
      throw UsageError(
        "'\(path)/\(top[0])' would be overwritten; choose another --target, or allow it with"
          + " --force")
    }
    try Folder.make(path)
    return path
  }

  /// The path without symbolic links.
  static func real(_ path: String) -> String {
    URL(filePath: path).resolvingSymlinksInPath().path
  }
}
