internal import Files
internal import Foundation
internal import Pipeline

/// The folder of a training run.
///
/// ```
/// config.yaml  log.txt  metrics.jsonl  tensorboard/  samples/
/// checkpoints/{step-000100, ...}/ and a link `latest`
/// ```
///
/// On a file system without symbolic links the last checkpoint is found by its step.
public struct RunDirectory: Sendable {
  /// The folder.
  public let path: String
  /// Makes a symbolic link, as `Folder.link` does.
  var makeLink: @Sendable (_ path: String, _ name: String) throws -> Void = {
    try Folder.link($0, to: $1)
  }
  /// The folders that did not exist before.
  private let made: [String]

  /// The finished checkpoints of a run.
  ///
  /// - Parameter path: the run's folder, which need not exist.
  /// - Returns: the newest first; empty if there is no run.
  public static func savedCheckpoints(of path: String) -> [TrainingCheckpoint] {
    savedSteps(of: path).reversed().map { checkpoint(at: $0, of: path) }
  }

  /// The last checkpoint of a run: the link to it, or its own folder where there are no links.
  public static func latestCheckpoint(of path: String) -> String {
    RunFolderLayout.newest(in: checkpoints(of: path)) ?? link(of: path)
  }

  /// The checkpoint that a path stands for: of a run's folder or its missing link the last one.
  package static func checkpoint(at path: String) -> String {
    RunFolderLayout.checkpoint(in: path) ?? path
  }

  /// Makes the folder if it is missing.
  ///
  /// - Parameter path: of the folder.
  /// - Throws: `FileError` if it cannot be written to.
  public init(_ path: String) throws {
    self.path = path
    var made = try Folder.make(path)
    do {
      for folder in [RunFolderLayout.checkpoints, "samples", "tensorboard"] {
        made += try Folder.make(path + "/" + folder)
      }
    } catch {
      Folder.removeEmpty(made)
      throw error
    }
    self.made = made
  }

  /// Removes the folders that this value has made, and the file of a lock that has ended, where nothing
  /// else is in them; nothing if another process has the folder by now.
  func removeUnused() {
    let lockFile = path + "/" + FolderLock.fileName
    let wasLocked = Folder.hasFile(lockFile)
    guard !made.isEmpty, let lock = try? FolderLock(path) else { return }
    withExtendedLifetime(lock) {
      let content = try? Folder.names(in: path)
      let known = [RunFolderLayout.checkpoints, "samples", "tensorboard", FolderLock.fileName]
      let isUnused = made.contains(path) && content?.allSatisfy(known.contains) == true
      if isUnused || !wasLocked { unlink(lockFile) }
      Folder.removeEmpty(made)
    }
  }

  /// Keeps other processes out, and removes the unfinished checkpoints of a killed one.
  ///
  /// - Returns: the lock, which ends with this value.
  /// - Throws: `FileError` if another process writes to it, or this one cannot.
  func lock() throws -> FolderLock {
    let lock = try FolderLock(path)
    let names = (try? Folder.names(in: checkpoints)) ?? []
    for name in names where name.hasPrefix(RunDirectory.partialPrefix) {
      try? FileManager.default.removeItem(atPath: checkpoints + "/" + name)
    }
    return lock
  }

  /// The prefix of a checkpoint's name until it is finished.
  static let partialPrefix = ".partial-"

  /// Renames checkpoints of later steps than the one a run resumes from.
  ///
  /// - Parameter step: the run resumes after it.
  /// - Returns: their former names.
  /// - Throws: `FileError` if they cannot be renamed.
  func setAside(after step: Int) throws -> [String] {
    try savedSteps.filter { $0 > step }.map { step in
      let name = RunFolderLayout.name(of: step)
      let aside = checkpoints + "/set-aside-" + name
      try? FileManager.default.removeItem(atPath: aside)
      try Folder.rename(checkpoints + "/" + name, to: aside)
      return name
    }
  }

  /// The checkpoint of a step.
  public func checkpoint(at step: Int) -> TrainingCheckpoint {
    RunDirectory.checkpoint(at: step, of: path)
  }

  /// The steps of finished checkpoints, ascending.
  public var savedSteps: [Int] { RunDirectory.savedSteps(of: path) }

  /// Points `latest` to a step's checkpoint, and removes old checkpoints.
  ///
  /// - Returns: why there is no link, on a file system without symbolic links or where a folder has its
  ///   name; nil if there is one.
  /// - Throws: `FileError` if the link cannot be written.
  @discardableResult
  public func publish(step: Int, keeping count: Int) throws -> String? {
    var problem: String?
    let link = RunDirectory.link(of: path)
    do {
      try makeLink(link, RunFolderLayout.name(of: step))
    } catch let error as FileError where error.reason == .noLinks {
      // One from before would lead to an older step.
      if Folder.isLink(link) { unlink(link) }
      problem = error.message
    } catch let error as FileError where error.reason == .isFolder {
      problem = "'\(link)' is a folder, not a link"
    }
    for old in savedSteps.dropLast(max(count, 1)) where old != step {
      try? FileManager.default.removeItem(atPath: checkpoint(at: old).path)
    }
    return problem.map { $0 + "; the last checkpoint is found by its step" }
  }

  private var checkpoints: String { RunDirectory.checkpoints(of: path) }

  private static func checkpoints(of path: String) -> String {
    path + "/" + RunFolderLayout.checkpoints
  }

  private static func link(of path: String) -> String {
    checkpoints(of: path) + "/" + RunFolderLayout.latest
  }

  private static func savedSteps(of path: String) -> [Int] {
    RunFolderLayout.steps(in: checkpoints(of: path))
  }

  private static func checkpoint(at step: Int, of path: String) -> TrainingCheckpoint {
    TrainingCheckpoint(checkpoints(of: path) + "/" + RunFolderLayout.name(of: step))
  }
}
