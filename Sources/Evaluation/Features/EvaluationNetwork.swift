internal import Files
internal import Foundation
public import ImageData
public import Torch

/// A feature network that an evaluation opened or trained.
public struct EvaluationNetwork {
  /// The network.
  public let network: any FeatureNetwork
  /// Tells its weights from others.
  public let digest: String
  /// What the judge is; nil for a published network.
  public let judge: JudgeSummary?

  /// The metrics to make if none are asked for: the kernel distance for a judge, as it fits small sets; nil
  /// for all that can be had.
  public var usualMetrics: [Metric]? { judge == nil ? nil : [.kid] }

  /// Stands for a judge in place of a file.
  public static let judgeName = "self"

  /// A published network, or a judge that was trained before.
  ///
  /// - Parameters:
  ///   - path: the file of weights.
  ///   - device: where to run.
  /// - Throws: `EvaluationError` for a file of other weights; `FileError`; `CheckpointError`;
  ///   `TorchError`.
  public init(contentsOf path: String, on device: Device) throws {
    network = try FeatureFile(path).network(on: device)
    digest = try FileStamp.text(of: path)
    judge = (network as? Judge)?.summary
  }

  /// The judge in the bytes of its file, which another process has.
  ///
  /// - Throws: `EvaluationError` for other bytes; `FileError`.
  public init(judge bytes: [UInt8]) throws {
    let folder = try Folder.makeTemporary(in: FileManager.default.temporaryDirectory.path)
    defer { try? Folder.remove(folder) }
    let path = folder + "/judge.safetensors"
    try bytes.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: path) }
    let judge = try Judge(contentsOf: path)
    network = judge
    digest = judge.name
    self.judge = judge.summary
  }

  /// The bytes of a file.
  ///
  /// - Throws: `FileError`.
  public static func bytes(of path: String) throws -> [UInt8] {
    let file = try MappedFile(path)
    return withExtendedLifetime(file) { Array(file.bytes) }
  }

  /// The judge of a folder, which is trained if it is not there.
  ///
  /// - Parameters:
  ///   - folder: images with their classes.
  ///   - path: the file of the judge.
  ///   - settings: how it is trained.
  ///   - onEvent: told what happens.
  ///   - check: called between steps; throws to stop.
  /// - Throws: what `Judge.of` throws.
  public init(
    judgeOf folder: ImageFolder, keptAt path: String, _ settings: JudgeSettings,
    onEvent: (JudgeEvent) -> Void, check: () throws -> Void
  ) throws {
    try Folder.make(Folder.parent(of: path))
    let judge = try Judge.of(
      folder, keptAt: path, settings, onEvent: onEvent, check: check
    ).judge
    network = judge
    digest = judge.name
    self.judge = judge.summary
  }
}
