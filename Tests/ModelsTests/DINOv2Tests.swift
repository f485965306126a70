internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct DINOv2Tests {
  private static func network(_ values: GoldenValues) throws -> DINOv2 {
    let state = try StateDicts.dinov2(values.weights)
    let store = ParameterStore(.load(state))
    let network = DINOv2(try .inferred(from: state.mapValues(\.shape)), at: store.root)
    try store.verifyLoaded()
    return network
  }

  @Test func featuresAreThoseOfTheReference() throws {
    let values = try GoldenValues("dinov2")
    let network = try Self.network(values)
    #expect(
      network.config
        == DINOv2Config(
          patchSize: 7, gridSize: 4, width: 128, depth: 2, headCount: 2, hiddenWidth: 128))
    #expect(relativeError(try network(values["images"]), values["tokens"]) < Tolerance.float32)
  }

  @Test func imagesOfAnotherSizeHaveThePositionsOfThePublishedProgram() throws {
    let values = try GoldenValues("dinov2")
    let network = try Self.network(values)
    for (rows, columns) in [(3, 6), (5, 5)] {
      let positions = network.positions(rows: rows, columns: columns)
      #expect(
        relativeError(positions, values["positions.\(rows)x\(columns)"]) < Tolerance.float32)
    }
    #expect(relativeError(try network(values["wide"]), values["wide_tokens"]) < Tolerance.float32)
  }

  @Test func positionsOf224PixelsAreThoseOfThePublishedProgram() throws {
    let values = try GoldenValues("dinov2")
    let config = DINOv2Config(width: 2, depth: 0, headCount: 1, hiddenWidth: 2)
    let store = ParameterStore(
      .computed { shape, _ in shape == [1, 1370, 2] ? values["table"] : .zeros(shape) })
    let positions = DINOv2(config, at: store.root).positions(rows: 16, columns: 16)
    #expect(relativeError(positions, values["table16"]) < Tolerance.float32)
  }

  @Test func publishedNamesStayAsTheyAre() throws {
    let state = try StateDicts.dinov2(try GoldenValues("dinov2").weights)
    let again = try StateDicts.dinov2(
      state.merging(["mask_token": .zeros([1, 128])]) { first, _ in first })
    #expect(Set(again.keys) == Set(state.keys))
    #expect(again["blocks.1.attn.qkv.weight"]?.shape == [384, 128])
    #expect(again["blocks.0.ls2.gamma"] != nil && again["norm.bias"] != nil)
  }

  @Test func namesWithinTransformersAreUnderstood() throws {
    let weights = try GoldenValues("dinov2").weights
    let renamed = weights.map { name, tensor in
      let name = [
        ("attention.query", "q_proj"), ("attention.key", "k_proj"), ("attention.value", "v_proj"),
        ("output.dense", "o_proj"),
      ].reduce(name) { $0.replacing("attention." + $1.0, with: "attention." + $1.1) }
      return (name, tensor)
    }
    let state = try StateDicts.dinov2(Dictionary(uniqueKeysWithValues: renamed))
    let expected = try StateDicts.dinov2(weights)
    #expect(Set(state.keys) == Set(expected.keys))
    let name = "blocks.0.attn.qkv.weight"
    #expect(relativeError(try #require(state[name]), try #require(expected[name])) == 0)
  }

  @Test func publishedSizesHaveTheirNames() {
    for (width, depth, name) in [(384, 12, "vits14"), (768, 12, "vitb14"), (1024, 24, "vitl14")] {
      let config = DINOv2Config(
        width: width, depth: depth, headCount: width / 64, hiddenWidth: 4 * width)
      #expect(config.name == name)
    }
  }

  @Test func otherNetworksAreRefused() throws {
    let shapes = try StateDicts.dinov2(try GoldenValues("dinov2").weights).mapValues(\.shape)
    func message(_ change: (inout [String: [Int]]) -> Void) throws -> String {
      var shapes = shapes
      change(&shapes)
      return try #require(throws: ModelError.self) { try DINOv2Config.inferred(from: shapes) }
        .message
    }
    #expect(try message { $0["register_tokens"] = [1, 4, 128] }.contains("registers"))
    #expect(try message { $0["blocks.0.mlp.w12.weight"] = [8, 128] }.contains("ViT-g/14"))
    #expect(try message { $0["pos_embed"] = [1, 16, 128] }.contains("pos_embed [1, 16, 128]"))
    #expect(try message { $0["pos_embed"] = [1, .max, 128] }.contains("pos_embed"))
    #expect(
      try message { $0["patch_embed.proj.weight"] = [128, 3, 7, 8] }.contains("[128, 3, 7, 8]"))
    #expect(try message { $0["cls_token"] = nil }.contains("without cls_token"))
  }

  @Test func queryKeyAndValueBelongTogether() throws {
    var weights = try GoldenValues("dinov2").weights
    weights["encoder.layer.1.attention.attention.key.bias"] = nil
    let error = try #require(throws: ModelError.self) { try StateDicts.dinov2(weights) }
    #expect(error.message.contains("'blocks.1.attn.qkv.bias'"))
  }
}
