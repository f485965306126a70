internal import Files
internal import Foundation

/// The folder for the files of `dit sample`.
struct OutputFolder {
  /// Its path.
  let path: String
  /// The folders that did not exist before.
  private let made: [String]

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
      let files = names.map { [path = self.path] in path + "/" + $0 }
      try OutputFolder.refuse(files.filter(OutputFolder.isThere), option: "--output-path")
      if let also {
        try OutputFolder.refuse([also].filter(OutputFolder.isThere), option: "--save-latents")
      }
    }
    made = try Folder.make(self.path)
    if let also { try OutputFolder.reserve(also, replacesFile: true) }
  }

  /// Removes the folders that this value has made, if nothing was written to them.
  func removeUnused() { Folder.removeEmpty(made) }

  /// Checks that a file of latents can be written, before any work is done.
  ///
  /// - Throws: `FileError`; `UsageError` if it is there already.
  static func reserve(_ latents: String, replacesFile: Bool) throws {
    if !replacesFile { try refuse([latents].filter(isThere), option: "--save-latents") }
    // Dropped at once: it only shows whether the file can be written.
    _ = try AtomicFile(latents)
  }

  private static func isThere(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }

  private static func refuse(_ present: [String], option: String) throws {
    guard let first = present.first else { return }
    let more = present.count > 1 ? " and \(present.count - 1) more" : ""
    throw UsageError(
      "'\(first)'\(more) would be overwritten; choose another \(option), or allow it with --force")
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
