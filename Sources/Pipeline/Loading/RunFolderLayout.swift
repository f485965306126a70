public import Checkpoint
internal import Files

/// Where a training run keeps its weights within its folder:
/// `checkpoints/{step-000100, ...}/` and a link `latest`, each with `model.safetensors` and, for a run
/// with an EMA, `ema.safetensors`.
package enum RunFolderLayout {
  /// The folder of the checkpoints.
  package static let checkpoints = "checkpoints"
  /// The link to the last checkpoint.
  package static let latest = "latest"
  /// A checkpoint's weights.
  package static let weights = "model.safetensors"
  /// A checkpoint's EMA of the weights.
  package static let emaWeights = "ema.safetensors"

  /// The weights' file of a run's last checkpoint, of a folder of checkpoints, or of one checkpoint:
  /// the EMA if there is one; nil for other folders.
  static func file(in path: String) -> String? {
    let folder = Folder.withoutTrailingSlashes(path)
    return ["", "/\(latest)", "/\(checkpoints)/\(latest)"].lazy.flatMap { place in
      [emaWeights, weights].map { "\(folder)\(place)/\($0)" }
    }.first(where: Folder.hasFile)
  }
}

extension Checkpoint {
  /// Opens what `open` takes, or the folder of a training run or of one of its checkpoints, for its EMA
  /// weights, else its weights.
  ///
  /// - Parameters:
  ///   - path: the file or folder.
  ///   - weights: which weights to take from a file that has several.
  ///   - part: which model to take from a pipeline's folder; nil for the first one there, the
  ///     transformer before the autoencoder.
  /// - Returns: the opened checkpoint.
  /// - Throws: `FileError` if it cannot be read; `CheckpointError` if it is damaged or of no use.
  public static func openModel(
    _ path: String, weights: WeightSet = .automatic, part: PipelinePart? = .transformer
  ) throws -> Checkpoint {
    try open(RunFolderLayout.file(in: path) ?? path, weights: weights, part: part)
  }
}
