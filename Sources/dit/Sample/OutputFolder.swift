internal import Files
internal import Foundation

/// The folder that a run's files go to.
struct OutputFolder {
  /// Its path.
  let path: String

  /// Makes the folder and checks that the files can be written, before any work is done.
  ///
  /// - Parameters:
  ///   - path: where; a new folder `samples/<date-time>` if nil.
  ///   - names: files that will be written there.
  ///   - also: a file elsewhere that will be written.
  ///   - replacesFiles: whether files of those names may be there.
  /// - Throws: `FileError`; `UsageError` for a file that is there already.
  init(_ path: String?, reserving names: [String], also: String?, replacesFiles: Bool) throws {
    self.path =
      path.map { $0.count > 1 && $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
      ?? OutputFolder.fresh()
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
    // Given up at once: only whether it could be written is of interest.
    if let also { _ = try AtomicFile(also) }
  }

  /// Writes a file that appears under its name when it is whole.
  func write(_ bytes: [UInt8], to name: String) throws {
    try bytes.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: path + "/" + name) }
  }

  /// `samples/` and the time, with a number where that is taken.
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
