package import Checkpoint
internal import Files
internal import Foundation

/// What a checkpoint of a training run says of its files: a part of its `state.json`.
package struct RunRecord: Decodable {
  /// Checksums by file, as `Checkpoint.checksum` gives them; nil in records of earlier versions.
  let checksums: [String: String]?
  private let trainer: Trainer

  private struct Trainer: Decodable {
    let optimizerStepCount: Int
    let ema: Average?
  }

  private struct Average: Decodable {
    let decay: Double
    let warmsUp: Bool
    let startShare: Double?
  }

  /// The record beside a file of weights; nil if there is none.
  ///
  /// - Throws: `FileError` if it cannot be read; `CheckpointError` if it is damaged, since the weights'
  ///   checksums are in it.
  package init?(nextTo path: String) throws {
    let name = Folder.parent(of: path) + "/" + RunFolderLayout.record
    guard [RunFolderLayout.weights, RunFolderLayout.emaWeights].contains(where: path.hasSuffix),
      Folder.hasFile(name)
    else { return nil }
    let file = try MappedFile(name)
    do {
      self = try JSONDecoder().decode(RunRecord.self, from: Data(file.bytes))
    } catch {
      throw CheckpointError(.damaged, "'\(name)', the record of the checkpoint, is damaged")
    }
  }

  /// Compares a checkpoint's file with its checksum; reads all of it. Files of earlier versions have
  /// none.
  ///
  /// - Throws: `CheckpointError` if it is damaged.
  package func verify(_ checkpoint: Checkpoint) throws {
    try RunRecord.verify(checkpoint, checksums)
  }

  /// Compares a checkpoint's file with its checksum, if there is one for its name.
  ///
  /// - Throws: `CheckpointError` if it is damaged.
  package static func verify(_ checkpoint: Checkpoint, _ checksums: [String: String]?) throws {
    let name = (checkpoint.path as NSString).lastPathComponent
    guard let expected = checksums?[name] else { return }
    let found = checkpoint.checksum
    guard found == expected else {
      throw CheckpointError(
        .damaged,
        "'\(checkpoint.path)' is damaged: its checksum is \(found), and \(RunFolderLayout.record)"
          + " has \(expected); an earlier checkpoint of the run may be sound")
    }
  }

  /// The share of an EMA that is still the weights from before the first step; nil if there is no
  /// average, or the record does not say.
  package var startShare: Double? {
    trainer.ema.flatMap { ema in
      ema.startShare
        ?? RunRecord.startShare(
          decay: ema.decay, warmsUp: ema.warmsUp, stepCount: trainer.optimizerStepCount)
    }
  }

  /// The share of an EMA that has the same recipe since the first step: decay to the power of the steps,
  /// or 0 for one that has warmed up. Records of earlier versions have only the last recipe.
  package static func startShare(decay: Double, warmsUp: Bool, stepCount: Int) -> Double? {
    guard (0...1).contains(decay), stepCount >= 0 else { return nil }
    return warmsUp ? 0 : pow(decay, Double(stepCount))
  }

  /// `startShare` of the weights that `path` stands for, if they are an EMA.
  package static func startShare(of path: String) -> Double? {
    guard path.hasSuffix("/" + RunFolderLayout.emaWeights) else { return nil }
    return (try? RunRecord(nextTo: path))?.startShare
  }

  /// The share from which on an EMA is no average of the training yet: so much is left after 3 / (1 -
  /// decay) steps.
  package static let largestStartShare = 0.05
}
