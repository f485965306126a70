internal import Checkpoint
internal import Layers
public import Models
public import Torch

/// A file with the weights of a feature network; the names and shapes of its tensors tell which.
public struct FeatureFile {
  /// The networks.
  public enum Kind: Sendable, Equatable {
    /// InceptionV3 of 2015-12-05, with 1,008 classes.
    case inception
    /// DINOv2 without registers.
    case dinov2(DINOv2Config)
    /// A judge that was trained on a folder.
    case judge
  }

  /// The file.
  public let path: String
  /// The network.
  public let kind: Kind

  private let checkpoint: Checkpoint
  /// Of a DINOv2, by its published names.
  private let state: [String: Tensor]

  /// Opens a file and reads its table.
  ///
  /// - Parameter path: a safetensors or PyTorch file; DINOv2 in the published names or in Hugging Face's.
  /// - Throws: `FileError` or `CheckpointError` if it cannot be read; `EvaluationError` with the reason
  ///   `unknownFeatures` if it has another network, with all missing, unexpected and mismatched names if it
  ///   has a part of one.
  public init(_ path: String) throws {
    let checkpoint = try Checkpoint.open(path)
    self.path = path
    self.checkpoint = checkpoint
    guard !Judge.isJudge(checkpoint) else {
      (kind, state) = (.judge, [:])
      return
    }
    let prefixes = StateDicts.dinov2Prefixes(of: checkpoint.entries.map(\.name))
    if prefixes.count == 1 {
      (kind, state) = try FeatureFile.dinov2(checkpoint, prefix: prefixes[0])
      return
    }
    guard FeatureFile.isInception(checkpoint) else {
      throw EvaluationError(
        .unknownFeatures,
        "'\(path)' has no known feature network: \(FeatureFile.description(of: checkpoint))")
    }
    (kind, state) = (.inception, [:])
  }

  /// The network's name, also in reference statistics.
  public var networkName: String {
    switch kind {
    case .inception: InceptionFeatures.name
    case .dinov2(let config): "dinov2-" + config.name
    case .judge: EvaluationNetwork.judgeName
    }
  }

  /// Reads the weights and lays them out.
  ///
  /// - Parameter device: where to run.
  /// - Returns: the network.
  /// - Throws: `EvaluationError` if the tensors do not fit the network; `TorchError` if memory does not
  ///   suffice.
  public func network(on device: Device = .cpu) throws -> any FeatureNetwork {
    try checkFinite()
    switch kind {
    case .inception: return try InceptionFeatures(checkpoint, on: device)
    case .dinov2(let config):
      return try DINOv2Features(config, state, on: device) { checkpoint.releasePages() }
    case .judge: return try Judge(contentsOf: path)
    }
  }

  /// Features of NaN may look like others behind a ReLU.
  private func checkFinite() throws {
    for entry in checkpoint.entries {
      guard let tensor = checkpoint.tensor(entry.name), tensor.dtype.isFloatingPoint else {
        continue
      }
      guard try withTorchErrors({ tensor.isFinite.allTrue }) else {
        throw EvaluationError(
          .nonFinite, "'\(path)': the tensor '\(entry.name)' has infinite numbers or NaN")
      }
    }
    checkpoint.releasePages()
  }

  /// The shape and the tensors of a DINOv2; what is outside of it, such as a classifier, is left out if
  /// the network's names have a prefix.
  private static func dinov2(
    _ checkpoint: Checkpoint, prefix: String
  ) throws -> (Kind, [String: Tensor]) {
    var tensors: [String: Tensor] = [:]
    for name in checkpoint.entries.map(\.name) where name.hasPrefix(prefix) {
      tensors[String(name.dropFirst(prefix.count))] = checkpoint.tensor(name)
    }
    do {
      let state = try StateDicts.dinov2(tensors)
      var config = try DINOv2Config.inferred(from: state.mapValues(\.shape))
      // The names of blocks that are cut off follow from the published network.
      config.depth = max(config.depth, config.publishedDepth ?? 0)
      let store = ParameterStore(.load(state))
      _ = DINOv2(config, at: store.root)
      try store.verifyLoaded()
      return (.dinov2(config), state)
    } catch let error as ModelError {
      throw EvaluationError(.model(error.reason), "'\(checkpoint.path)': \(error.message)")
    } catch let difference as ParameterStore.Mismatch {
      throw EvaluationError(
        .unknownFeatures, "'\(checkpoint.path)' has no whole DINOv2: \(difference)")
    }
  }

  private static func isInception(_ checkpoint: Checkpoint) -> Bool {
    checkpoint.tensor("Conv2d_1a_3x3.conv.weight") != nil
      && checkpoint.tensor("fc.weight")?.shape == [1008, 2048]
  }

  /// What a file has that is no feature network.
  private static func description(of checkpoint: Checkpoint) -> String {
    let names = checkpoint.entries.map(\.name)
    let known = Set(names)
    if known.contains("Conv2d_1a_3x3.conv.weight") {
      let classes = checkpoint.tensor("fc.weight")?.shape.first
      return "it has an Inception "
        + (classes.map { "of \($0) classes" } ?? "without classes")
        + ", as torchvision trains it; features are those of the one of 2015-12-05, with 1,008"
    }
    let dinov2s = StateDicts.dinov2Prefixes(of: names)
    if !dinov2s.isEmpty {
      return
        "it has \(dinov2s.count) DINOv2s, under \(dinov2s.joined(separator: ", ")); one is needed"
    }
    if known.contains("layer.0.layer_scale1.lambda1") || known.contains("rope_embed.periods") {
      return "it has a DINOv3; features are those of a DINOv2"
    }
    if known.contains("blocks.0.attn.qkv.weight"), known.contains("cls_token") {
      return "it has a Vision Transformer without LayerScale, not a DINOv2"
    }
    if known.contains("vision_model.embeddings.class_embedding") || known.contains("visual.proj") {
      return "it has a CLIP"
    }
    if !StateDicts.ditPrefixes(of: names).isEmpty { return "it has a DiT" }
    if StateDicts.autoencoder(checkpoint.stateDict) != nil
      || !StateDicts.autoencoderPrefixes(of: names).isEmpty
    {
      return "it has an autoencoder"
    }
    let first = names.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
    return "its \(names.count) tensors begin with \(first)"
  }
}
