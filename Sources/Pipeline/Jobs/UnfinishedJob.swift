package import Files
internal import Foundation

/// The folder next to an output in which a job keeps what it needs to go on after a stop.
package struct UnfinishedJob {
  /// Its path.
  package let path: String
  /// Whether a user named the output, and may name another.
  private let isOutput: Bool

  /// The folder of an output.
  package init(of output: String) { (path, isOutput) = (output + ".parts", true) }

  /// A folder by its path.
  package init(folder path: String) { (self.path, isOutput) = (path, false) }

  /// Whether a job has begun and not finished: the folder alone, without the settings, is none.
  package var exists: Bool { Folder.hasFile(settingsFile) }

  private var settingsFile: String { path + "/plan.json" }

  /// Takes the folder for this job.
  ///
  /// - Parameters:
  ///   - settings: all that decides the pixels, by name.
  ///   - removeLeftovers: removes images of an earlier job whose settings are unknown.
  /// - Returns: keeps other jobs out for as long as it lives.
  /// - Throws: `PipelineError` if another job works on the output or began with other settings;
  ///   `FileError`, `inUse` if another works in a folder of no output.
  package func begin(
    _ settings: [String: String], removeLeftovers: () throws -> Void
  ) throws -> FolderLock {
    try Folder.make(path)
    let lock = try takeLock()
    guard let data = FileManager.default.contents(atPath: settingsFile) else {
      try removeLeftovers()
      try AtomicFile.write(try JSON.line(settings) + "\n", to: settingsFile)
      return lock
    }
    let earlier = ((try? JSONDecoder().decode([String: String].self, from: data)) ?? [:])
      .mapValues(EmbeddedModel.current)
    let differing = Set(settings.keys).union(earlier.keys).filter { settings[$0] != earlier[$0] }
      .sorted()
    guard differing.isEmpty else {
      let list = differing.map {
        "\($0) \(earlier[$0] ?? "not set") there, \(settings[$0] ?? "not set") here"
      }
      throw PipelineError(
        .otherSettings(folder: path),
        "'\(path)' was begun with other settings (\(list.joined(separator: "; ")))")
    }
    return lock
  }

  private func takeLock() throws -> FolderLock {
    do {
      return try FolderLock(path)
    } catch let error as FileError where isOutput && error.reason == .inUse {
      throw PipelineError(.outputInUse, error.message)
    }
  }

  /// Removes the folder.
  ///
  /// - Throws: `FileError`.
  package func remove() throws { try Folder.remove(path) }
}
