internal import Checkpoint
internal import Files
internal import Layers
internal import Torch

extension Judge {
  /// The names of texts in the file.
  private enum Key {
    static let version = "judge_version"
    static let name = "judge_name"
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

  /// 2: 48 channels, and a name.
  private static let version = "2"

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
    guard texts[Key.name] == name else {
      throw EvaluationError(
        .unknownFeatures,
        "'\(path)' is damaged: its weights are not those of \(texts[Key.name] ?? "a judge with a name")"
      )
    }
  }

  /// The judge of a file that `write` made.
  ///
  /// - Parameter path: a safetensors file, which may be missing.
  /// - Returns: nil if it is missing, a damaged judge, or one of another version: nothing is lost with it.
  /// - Throws: `EvaluationError`, `CheckpointError` or `FileError` for a file that is no judge or cannot be
  ///   read.
  static func kept(at path: String) throws -> Judge? {
    guard Folder.hasFile(path) else { return nil }
    do {
      return try Judge(contentsOf: path)
    } catch let error as FileError where error.reason == .empty {
      return nil
    } catch let error where error is EvaluationError || error is CheckpointError {
      guard try wasJudge(path) else { throw error }
      return nil
    }
  }

  /// Whether a file that does not open was a judge: it says so, it ends before it says what it is, or it has
  /// nothing but zeros, as after a loss of power.
  private static func wasJudge(_ path: String) throws -> Bool {
    let file = try MappedFile(path)
    return withExtendedLifetime(file) {
      let bytes = file.bytes
      let head = bytes.prefix(headLimit)
      guard head.contains(where: { $0 != 0 }),
        !String(decoding: head, as: UTF8.self).contains("\"\(Key.version)\"")
      else { return true }
      guard bytes.count > 8 else { return bytes.contains(0) }
      let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << (8 * UInt64($1)) }
      return length < headLimit && bytes.count < 8 + Int(length) && bytes[8] == UInt8(ascii: "{")
    }
  }

  /// More bytes than a judge has before its weights.
  private static let headLimit = 1 << 20

  /// Writes the judge; the file appears under its name when it is complete.
  ///
  /// - Parameter path: a safetensors file; an older one is replaced.
  /// - Throws: `FileError`.
  public func write(to path: String) throws {
    let settings = summary.settings
    var texts = [
      Key.version: Judge.version, Key.name: name, Key.classCount: "\(summary.classCount)",
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
