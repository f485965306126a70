internal import Checkpoint
internal import Layers
internal import Torch

extension Judge {
  /// The names of texts in the file.
  private enum Key {
    static let version = "judge_version"
    static let classCount = "num_classes"
    static let imageDigest = "image_digest"
    static let imageSize = "image_size"
    static let seed = "seed"
    static let heldOutShare = "held_out_share"
    static let sampleCount = "sample_count"
    static let heldOutAccuracy = "held_out_accuracy"
    static let heldOutCount = "held_out_images"
    static let trainingCount = "training_images"
  }

  private static let version = "1"

  /// Whether a file has a judge, of any version.
  static func isJudge(_ checkpoint: Checkpoint) -> Bool {
    checkpoint.metadata[Key.version] != nil
  }

  /// Opens a file that `write` made.
  ///
  /// - Parameter path: a safetensors file.
  /// - Throws: `FileError` or `CheckpointError` if it cannot be read; `EvaluationError` with the reason
  ///   `unknownFeatures` if it is no judge.
  public convenience init(contentsOf path: String) throws {
    let checkpoint = try Checkpoint.open(path, weights: .all)
    let texts = checkpoint.metadata
    guard texts[Key.version] == Judge.version,
      let classCount = texts[Key.classCount].flatMap(Int.init), classCount > 1,
      let imageDigest = texts[Key.imageDigest],
      let imageSize = texts[Key.imageSize].flatMap(Int.init), imageSize > 0,
      let seed = texts[Key.seed].flatMap(UInt64.init),
      let heldOutShare = texts[Key.heldOutShare].flatMap(Double.init),
      let heldOutAccuracy = texts[Key.heldOutAccuracy].flatMap(Double.init),
      let heldOutCount = texts[Key.heldOutCount].flatMap(Int.init),
      let trainingCount = texts[Key.trainingCount].flatMap(Int.init)
    else {
      throw EvaluationError(
        .unknownFeatures, "'\(path)' is no judge of version \(Judge.version)")
    }
    let summary = JudgeSummary(
      classNames: ClassNameList.decode(texts), classCount: classCount,
      trainingCount: trainingCount, heldOutCount: heldOutCount, heldOutAccuracy: heldOutAccuracy,
      imageDigest: imageDigest,
      settings: JudgeSettings(
        imageSize: imageSize, seed: seed, heldOutShare: heldOutShare,
        sampleCount: texts[Key.sampleCount].flatMap(Int.init)))
    do {
      // Copies: the file may be replaced while the judge is in use.
      try self.init(summary, weights: checkpoint.stateDict.mapValues(\.cloned))
    } catch let difference as ParameterStore.Mismatch {
      throw EvaluationError(.unknownFeatures, "'\(path)' has no whole judge: \(difference)")
    }
  }

  /// Writes the judge; the file appears under its name when it is complete.
  ///
  /// - Parameter path: a safetensors file; an older one is replaced.
  /// - Throws: `FileError`.
  public func write(to path: String) throws {
    let settings = summary.settings
    var texts = [
      Key.version: Judge.version, Key.classCount: "\(summary.classCount)",
      Key.imageDigest: summary.imageDigest, Key.imageSize: "\(settings.imageSize)",
      Key.seed: "\(settings.seed)", Key.heldOutShare: "\(settings.heldOutShare)",
      Key.heldOutAccuracy: "\(summary.heldOutAccuracy)",
      Key.heldOutCount: "\(summary.heldOutCount)", Key.trainingCount: "\(summary.trainingCount)",
      "class_names": ClassNameList.encode(summary.classNames),
    ]
    texts[Key.sampleCount] = settings.sampleCount.map(String.init)
    try CheckpointWriter.write(
      weights.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, metadata: texts, to: path)
  }
}
