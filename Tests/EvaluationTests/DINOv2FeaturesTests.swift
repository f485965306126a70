internal import Checkpoint
internal import Evaluation
internal import ImageData
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct DINOv2FeaturesTests {
  private let values: GoldenValues

  init() throws { values = try GoldenValues("dinov2") }

  /// A file of these tensors, opened.
  private func opened(
    _ state: [String: Tensor], as format: CheckpointFormat = .safetensors
  ) throws -> FeatureFile {
    try withTemporaryFolder { folder in
      let path = folder + "/features"
      try CheckpointWriter.write(
        state.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, as: format, to: path)
      return try FeatureFile(path)
    }
  }

  private func image(_ count: Int, _ height: Int, _ width: Int) throws -> Tensor {
    Tensor.randint(0..<256, [count, height, width, 3], generator: try Generator(seed: 4))
      .to(.uint8)
  }

  @Test(arguments: CheckpointFormat.allCases.filter { $0 != .mindspore }, [true, false])
  func bothStylesOfNamesGiveTheSameFeatures(
    _ format: CheckpointFormat, _ isPublished: Bool
  ) throws {
    let state = try StateDicts.dinov2(values.weights)
    let published = state.merging(["mask_token": .zeros([1, 128])]) { first, _ in first }
    let file = try opened(isPublished ? published : values.weights, as: format)
    #expect(file.networkName == "dinov2-vit128x2-7")
    let features = try file.network()
    #expect(features.name == "dinov2-vit128x2-7" && features.featureCount == 128)
    #expect(features.spatialCount == nil && features.classCount == nil)
    let images = try image(3, 60, 40)
    let pooled = try features.features(of: images, check: {}).pooled
    // The same by the network as written.
    let network = DINOv2(
      try .inferred(from: state.mapValues(\.shape)), at: ParameterStore(.load(state)).root)
    let bytes = try RGBImage.resizedAsPillow(images, height: 224, width: 224)
    let mean = Tensor([Float(0.485), 0.456, 0.406], shape: [1, 3, 1, 1])
    let deviation = Tensor([Float(0.229), 0.224, 0.225], shape: [1, 3, 1, 1])
    let input = (bytes.permuted([0, 3, 1, 2]).to(.float32) / 255 - mean) / deviation
    #expect(relativeError(pooled, try network(input)) < Tolerance.float32)
  }

  @Test func featuresDoNotDependOnTheBatch() throws {
    let features = try opened(values.weights).network()
    let images = try image(35, 8, 8)
    let all = try features.features(of: images, check: {}).pooled
    let last = try features.features(of: images[34..<35], check: {}).pooled
    #expect(all.shape == [35, 128])
    #expect(relativeError(all[34..<35], last) < Tolerance.float32)
    try expectStops(least: 4) { try features.features(of: images[0..<2], check: $0).pooled }
  }

  @Test func aClassifiersBackboneIsTaken() throws {
    var state = Dictionary(
      uniqueKeysWithValues: values.weights.map { ("dinov2." + $0.key, $0.value) })
    state["classifier.weight"] = .zeros([10, 256])
    #expect(try opened(state).networkName == "dinov2-vit128x2-7")
  }

  @Test func allDifferencesAreNamedAtOnce() throws {
    var state = values.weights
    state["encoder.layer.1.norm1.bias"] = nil
    state["embeddings.patch_embeddings.projection.bias"] = .zeros([3])
    state["pooler.weight"] = .zeros([2])
    let error = try #require(throws: EvaluationError.self) { try opened(state) }
    #expect(error.reason == .unknownFeatures)
    for part in [
      "1 missing: blocks.1.norm1.bias", "1 unexpected: pooler.weight",
      "patch_embed.proj.bias: [3] in the file, [128] in the model",
    ] {
      #expect(error.message.contains(part), "\(error)")
    }
  }

  @Test func blocksThatAreCutOffAreMissed() throws {
    var config = DINOv2Config(gridSize: 1, width: 384, depth: 1, headCount: 6, hiddenWidth: 8)
    func opened() throws -> FeatureFile {
      let shapes = ParameterStore(.shapes)
      _ = DINOv2(config, at: shapes.root)
      return try self.opened(shapes.stateDict.mapValues { .zeros($0.shape) })
    }
    let error = try #require(throws: EvaluationError.self) { try opened() }
    #expect(error.reason == .unknownFeatures)
    #expect(error.message.contains("has no whole DINOv2: 154 missing:\n  blocks.1.norm1.weight\n"))
    #expect(error.message.hasSuffix("\n  blocks.11.ls2.gamma"), "\(error)")
    config.depth = 12
    #expect(try opened().networkName == "dinov2-vits14")
    config.depth = 13
    #expect(try opened().networkName == "dinov2-vit384x13-14")
  }

  @Test(arguments: [
    (["x_embedder.proj.weight", "blocks.0.mlp.fc1.weight"], "it has a DiT"),
    (["decoder.conv_in.weight"], "it has an autoencoder"),
    (["Conv2d_1a_3x3.conv.weight", "fc.weight"], "as torchvision trains it"),
    (["cls_token", "blocks.0.attn.qkv.weight"], "without LayerScale"),
    (["conv1.weight", "bn1.weight"], "its 2 tensors begin with 'bn1.weight', 'conv1.weight'"),
  ])
  func otherFilesAreToldBySight(_ names: [String], _ description: String) throws {
    let state = Dictionary(uniqueKeysWithValues: names.map { ($0, Tensor.zeros([1, 2])) })
    let error = try #require(throws: EvaluationError.self) { try opened(state) }
    #expect(error.reason == .unknownFeatures)
    #expect(error.message.contains(description), "\(error)")
  }

  @Test func registersAreRefused() throws {
    let state = values.weights.merging(["embeddings.register_tokens": .zeros([1, 4, 128])]) {
      first, _ in
      first
    }
    let error = try #require(throws: EvaluationError.self) { try opened(state) }
    #expect(error.reason == .model(.other) && error.message.contains("registers"))
  }
}
