internal import Files
internal import Foundation

/// The folder of a training run.
///
/// ```
/// config.yaml  log.txt  metrics.jsonl  tensorboard/  samples/
/// checkpoints/{step-000100, ...}/ and a link `latest`
/// ```
public struct RunDirectory: Sendable {
  /// The folder.
  public let path: String

  /// Makes the folder where it is missing.
  ///
  /// - Throws: `FileError` if it cannot be written to.
  public init(_ path: String) throws {
    self.path = path
    for folder in ["", "/checkpoints", "/samples", "/tensorboard"] {
      try Folder.make(path + folder)
    }
  }

  /// Where the checkpoint of a step lies.
  public func checkpoint(at step: Int) -> TrainingCheckpoint {
    TrainingCheckpoint(checkpoints + "/" + RunDirectory.name(of: step))
  }

  /// The steps of whole checkpoints, ascending.
  public var savedSteps: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
    return names.compactMap { name in
      name.hasPrefix("step-") ? Int(name.dropFirst("step-".count)) : nil
    }.sorted()
  }

  /// Points `latest` at a step's checkpoint and removes all but the last few.
  ///
  /// - Throws: `FileError` if the link cannot be written.
  public func publish(step: Int, keeping count: Int) throws {
    try Folder.link(checkpoints + "/latest", to: RunDirectory.name(of: step))
    for old in savedSteps.dropLast(max(count, 1)) where old != step {
      try? FileManager.default.removeItem(atPath: checkpoint(at: old).path)
    }
  }

  private var checkpoints: String { path + "/checkpoints" }

  private static func name(of step: Int) -> String { String(format: "step-%06d", step) }
}
