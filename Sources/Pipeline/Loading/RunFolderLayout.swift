public import Checkpoint
internal import Files
internal import Foundation

/// Where a training run keeps its weights within its folder:
/// `checkpoints/{step-000100, ...}/` and a link `latest`, each with `model.safetensors`, for a run with
/// an EMA `ema.safetensors`, and the record `state.json`.
package enum RunFolderLayout {
  /// The folder of the checkpoints.
  package static let checkpoints = "checkpoints"
  /// The link to the last checkpoint; missing on file systems without links.
  package static let latest = "latest"
  /// A checkpoint's weights.
  package static let weights = "model.safetensors"
  /// A checkpoint's EMA of the weights.
  package static let emaWeights = "ema.safetensors"
  /// A checkpoint's record, `RunRecord`.
  package static let record = "state.json"

  /// The figures of samples, a line an evaluation.
  package static let evaluations = "evaluations.jsonl"

  /// The file of figures of the run that a checkpoint is of; nil for other files.
  package static func evaluations(of path: String) -> String? {
    guard let checkpoint = checkpoint(of: path) else { return nil }
    let run = Folder.parent(of: Folder.parent(of: checkpoint))
    return Folder.hasFile(run + "/config.yaml") ? run + "/" + evaluations : nil
  }

  /// The step of the checkpoint that a path names; nil for other files.
  package static func step(of path: String) -> Int? {
    checkpoint(of: path).flatMap {
      step(named: URL(filePath: $0).resolvingSymlinksInPath().lastPathComponent)
    }
  }

  /// The checkpoint that a folder, or a file in one, is of; nil for others.
  private static func checkpoint(of path: String) -> String? {
    checkpoint(in: Folder.exists(path) ? path : Folder.parent(of: path))
  }

  /// The step of a checkpoint's name; nil for other names.
  private static func step(named name: String) -> Int? {
    name.hasPrefix("step-") ? Int(name.dropFirst("step-".count)) : nil
  }

  /// The name of a step's checkpoint.
  package static func name(of step: Int) -> String { String(format: "step-%06d", step) }

  /// The steps of the finished checkpoints in a folder, ascending; empty if it does not exist.
  package static func steps(in checkpoints: String) -> [Int] {
    ((try? Folder.names(in: checkpoints)) ?? []).compactMap(step(named:)).sorted()
  }

  /// The last checkpoint in a folder of checkpoints: that of the link, or the last by its step where
  /// there is no link; nil if there is none.
  package static func newest(in checkpoints: String) -> String? {
    let link = "\(checkpoints)/\(latest)"
    if Folder.isLink(link), hasWeights(link) { return link }
    // A folder of that name is a copy of some earlier checkpoint.
    return steps(in: checkpoints).reversed().map { "\(checkpoints)/\(name(of: $0))" }
      .first(where: hasWeights) ?? (hasWeights(link) ? link : nil)
  }

  /// The checkpoint of a run's folder, of a folder of checkpoints, of a missing link `latest`, or the
  /// folder of one checkpoint itself; nil for other folders.
  package static func checkpoint(in path: String) -> String? {
    let folder = Folder.withoutTrailingSlashes(path)
    if hasWeights(folder) { return folder }
    if let found = newest(in: folder) ?? newest(in: "\(folder)/\(checkpoints)") { return found }
    let isMissingLink = (folder as NSString).lastPathComponent == latest && !Folder.exists(folder)
    return isMissingLink ? newest(in: Folder.parent(of: folder)) : nil
  }

  /// The weights' file of `checkpoint(in:)`: of a run with an EMA the EMA, unless those of the last
  /// step are asked for.
  static func file(in path: String, _ weights: WeightSet = .automatic) -> String? {
    guard let folder = checkpoint(in: path) else { return nil }
    let names = weights == .last ? [Self.weights] : [emaWeights, Self.weights]
    return names.map { "\(folder)/\($0)" }.first(where: Folder.hasFile)
  }

  private static func hasWeights(_ folder: String) -> Bool {
    [emaWeights, weights].contains { Folder.hasFile("\(folder)/\($0)") }
  }
}

extension PipelineError {
  /// That a path for a DiT is an autoencoder's.
  static func isAutoencoder(_ path: String) -> PipelineError {
    let kind = Folder.exists(path) ? "the folder of an autoencoder, not of" : "an autoencoder, not"
    return PipelineError(.isAutoencoder, "'\(path)' is \(kind) a DiT")
  }
}

extension Checkpoint {
  /// Opens what `open` takes, or the folder of a training run or of one of its checkpoints, for its EMA
  /// weights, else its weights.
  ///
  /// Weights of a run are read completely, to compare them with the checksum in the run's record.
  ///
  /// - Parameters:
  ///   - path: the file or folder.
  ///   - weights: which weights to take from a file or run that has several.
  ///   - part: which model to take from a pipeline's folder; nil for the first one there, the
  ///     transformer before the autoencoder.
  /// - Returns: the opened checkpoint.
  /// - Throws: `FileError` if it cannot be read; `CheckpointError` if it is damaged or of no use;
  ///   `PipelineError` if it is the folder of an autoencoder, and a DiT is asked for.
  public static func openModel(
    _ path: String, weights: WeightSet = .automatic, part: PipelinePart? = .transformer
  ) throws -> Checkpoint {
    if weights == .last, path.hasSuffix("/" + RunFolderLayout.emaWeights),
      try RunRecord(nextTo: path) != nil
    {
      throw CheckpointError(
        .unsupported,
        "'\(path)' is the EMA of a run; the weights of its last step are in \(RunFolderLayout.weights)"
          + " of the same folder")
    }
    let file = RunFolderLayout.file(in: path, weights)
    let isAverage = file?.hasSuffix("/" + RunFolderLayout.emaWeights) == true
    let checkpoint: Checkpoint
    do {
      checkpoint = try open(
        file ?? path, weights: isAverage ? .automatic : weights, part: part)
    } catch let error as FileError where error.reason == .isFolder && part == .transformer {
      // A folder without a DiT may have another model.
      guard
        (try? open(path, weights: .all, part: .vae)).map(CheckpointContent.isAutoencoder) == true
      else { throw error }
      throw PipelineError.isAutoencoder(path)
    }
    try RunRecord(nextTo: checkpoint.path)?.verify(checkpoint)
    return checkpoint
  }
}
