internal import Files
internal import Foundation

/// The folder for the files of `dit sample`.
struct OutputFolder {
  /// Its path.
  let path: String

  /// Makes the folder and checks that the files can be written, before any work is done.
  ///
  /// - Parameters:
  ///   - path: the folder; nil for a new one, `samples/<date-time>`.
  ///   - names: the files to be written there.
  ///   - also: a file to be written elsewhere.
  ///   - replacesFiles: whether files may be overwritten.
  /// - Throws: `FileError`; `UsageError` if a file is there already.
  init(_ path: String?, reserving names: [String], also: String?, replacesFiles: Bool) throws {
    self.path = path.map(Folder.withoutTrailingSlashes) ?? OutputFolder.fresh()
    if !replacesFiles {
      let wanted = names.map { self.path + "/" + $0 } + (also.map { [$0] } ?? [])
      let present = wanted.filter { FileManager.default.fileExists(atPath: $0) }
      guard present.isEmpty else {
        let more = present.count > 1 ? " and \(present.count - 1) more" : ""
        let option = present == also.map { [$0] } ? "--save-latents" : "--output-path"
        throw UsageError(
          "'\(present[0])'\(more) would be overwritten; choose another \(option), or allow it with"
            + " --force")
      }
    }
    try Folder.make(self.path)
    // Dropped at once: it only shows whether the file can be written.
    if let also { _ = try AtomicFile(also) }
  }

  /// Writes a file, which appears when it is complete.
  func write(_ bytes: [UInt8], to name: String) throws {
    try bytes.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: path + "/" + name) }
  }

  /// `samples/` and the time, with a number if that folder is there.
  private static func fresh() -> String {
    let base = "samples/" + timestamp()
    guard FileManager.default.fileExists(atPath: base) else { return base }
    var number = 2
    while FileManager.default.fileExists(atPath: "\(base)-\(number)") { number += 1 }
    return "\(base)-\(number)"
  }

  /// The local time as part of a folder's name.
  static func timestamp() -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "yyyy-MM-dd-HHmmss"
    return formatter.string(from: Date())
  }
}
