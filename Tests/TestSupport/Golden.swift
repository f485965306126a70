internal import Checkpoint
internal import Foundation
public import Models
public import Torch

/// The path of a file in `Tests/Golden`.
public func golden(_ name: String) -> String {
  URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden/\(name)").path
}

/// Values that a script in `tools/golden` computed with PyTorch.
public struct GoldenValues {
  private let checkpoint: Checkpoint

  /// Opens `Tests/Golden/<name>.safetensors`.
  public init(_ name: String) throws {
    checkpoint = try Checkpoint.open(golden(name + ".safetensors"), weights: .all)
  }

  /// A tensor that must be there.
  public subscript(name: String) -> Tensor {
    guard let tensor = checkpoint.tensor(name) else {
      fatalError("no golden value '\(name)' in \(checkpoint.path)")
    }
    return tensor
  }

  /// The tensors whose names begin with a prefix, without it, in the order of the file.
  public func tensors(_ prefix: String) -> [String: Tensor] {
    let names = checkpoint.entries.map(\.name).filter { $0.hasPrefix(prefix) }
    return Dictionary(
      uniqueKeysWithValues: names.map { (String($0.dropFirst(prefix.count)), self[$0]) })
  }

  /// The model's parameters in float32.
  public var weights: [String: Tensor] { tensors("weights.").mapValues { $0.to(.float32) } }

  /// What the script says of the model.
  public var config: GoldenConfig { get throws { try header() } }

  /// The header that the script wrote.
  func header<Header: Decodable>() throws -> Header {
    try JSONDecoder().decode(Header.self, from: Data((checkpoint.metadata["config"] ?? "").utf8))
  }
}

/// The configuration of a golden DiT.
public struct GoldenConfig: Decodable {
  /// The parameters in the order of the published checkpoints.
  public let order: [String]
  let channels: Int
  let classes: Int
  let depth: Int
  let heads: Int
  let hidden_size: Int
  let input_size: Int
  let learns_variance: Bool
  let mlp_ratio: Int
  let patch_size: Int
  // Those of blocks alone.
  let norm: String?
  let mlp: String?
  let positions: String?
  let qk_norm: String?
  // That of models of average velocities alone.
  let span: Bool?

  /// The same for the model.
  public var model: DiTConfig {
    DiTConfig(
      inputSize: input_size, channelCount: channels, patchSize: patch_size,
      hiddenSize: hidden_size, depth: depth, headCount: heads, mlpRatio: mlp_ratio,
      classCount: classes, learnsVariance: learns_variance,
      block: DiTBlockConfig(
        norm: norm.flatMap(NormKind.init) ?? .layer,
        mlp: mlp.flatMap(DiTBlockConfig.MLP.init) ?? .gelu,
        positions: positions.flatMap(DiTBlockConfig.Positions.init) ?? .sines,
        queryKeyNorm: qk_norm.flatMap(NormKind.init)), hasSpan: span ?? false)
  }
}
