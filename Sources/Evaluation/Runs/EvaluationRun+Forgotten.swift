internal import Files
internal import Foundation
internal import Pipeline

extension EvaluationRun {
  /// Days after which features of a run that never went on are removed from the cache.
  static let keptDays = 14.0

  /// Removes features in the cache of runs that have not written for long and do not work now.
  func removeForgotten(_ onEvent: (Event) throws -> Void) throws {
    guard Folder.exists(folder) else { return }
    let limit = Date(timeIntervalSinceNow: -EvaluationRun.keptDays * 24 * 3_600)
    for name in try Folder.names(in: folder)
    where [Part.samples, .reference].contains(where: { name.hasPrefix($0.rawValue + "-") }) {
      let path = folder + "/" + name
      // Each batch changes the folder, each start the lock.
      let changes = [path, path + "/" + FolderLock.fileName].compactMap { path in
        try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
      }
      guard UnfinishedJob(folder: path).exists, let last = changes.max(), last < limit,
        let lock = try? FolderLock(path)
      else { continue }
      try withExtendedLifetime(lock) { try Folder.remove(path) }
      try onEvent(.removes(path))
    }
  }
}
