internal import Files
internal import Foundation
internal import Pipeline

/// The folder of a training run.
///
/// ```
/// config.yaml  log.txt  metrics.jsonl  tensorboard/  samples/
/// checkpoints/{step-000100, ...}/ and a link `latest`
/// ```
public struct RunDirectory: Sendable {
  /// The folder.
  public let path: String

  /// Whether a path is the folder of a run.
  public static func isRun(_ path: String) -> Bool { Folder.exists(checkpoints(of: path)) }

  /// The finished checkpoints of a run.
  ///
  /// - Parameter path: the run's folder, which need not exist.
  /// - Returns: the newest first; empty if there is no run.
  public static func savedCheckpoints(of path: String) -> [TrainingCheckpoint] {
    savedSteps(of: path).reversed().map { checkpoint(at: $0, of: path) }
  }

  /// The link to the last checkpoint of a run.
  public static func latestCheckpoint(of path: String) -> String {
    checkpoints(of: path) + "/" + RunFolderLayout.latest
  }

  /// Makes the folder if it is missing.
  ///
  /// - Parameters:
  ///   - path: of the folder.
  ///   - hasLog: whether it gets folders for sample grids and TensorBoard.
  /// - Throws: `FileError` if it cannot be written to.
  public init(_ path: String, hasLog: Bool = true) throws {
    self.path = path
    let folders = [RunFolderLayout.checkpoints] + (hasLog ? ["samples", "tensorboard"] : [])
    try Folder.make(path)
    for folder in folders {
      try Folder.make(path + "/" + folder)
    }
  }

  /// Keeps other processes out, and removes the unfinished checkpoints of a killed one.
  ///
  /// - Returns: the lock, which ends with this value.
  /// - Throws: `FileError` if another process writes to it, or this one cannot.
  func lock() throws -> FolderLock {
    let lock = try FolderLock(path)
    for name in RunDirectory.names(of: path) where name.hasPrefix(RunDirectory.partialPrefix) {
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
      let name = RunDirectory.name(of: step)
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
  /// - Throws: `FileError` if the link cannot be written.
  public func publish(step: Int, keeping count: Int) throws {
    try Folder.link(RunDirectory.latestCheckpoint(of: path), to: RunDirectory.name(of: step))
    for old in savedSteps.dropLast(max(count, 1)) where old != step {
      try? FileManager.default.removeItem(atPath: checkpoint(at: old).path)
    }
  }

  private var checkpoints: String { RunDirectory.checkpoints(of: path) }

  private static func checkpoints(of path: String) -> String {
    path + "/" + RunFolderLayout.checkpoints
  }

  private static func names(of path: String) -> [String] {
    (try? Folder.names(in: checkpoints(of: path))) ?? []
  }

  private static func savedSteps(of path: String) -> [Int] {
    names(of: path).compactMap { name in
      name.hasPrefix("step-") ? Int(name.dropFirst("step-".count)) : nil
    }.sorted()
  }

  private static func checkpoint(at step: Int, of path: String) -> TrainingCheckpoint {
    TrainingCheckpoint(checkpoints(of: path) + "/" + name(of: step))
  }

  private static func name(of step: Int) -> String { String(format: "step-%06d", step) }
}
