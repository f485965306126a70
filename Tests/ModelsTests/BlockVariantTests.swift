internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct BlockVariantTests {
  private func model(_ values: GoldenValues) throws -> (DiT, ParameterStore) {
    let store = ParameterStore(.load(values.weights))
    let model = DiT(try values.config.model, at: store.root)
    try store.verifyLoaded()
    return (model, store)
  }

  @Test(arguments: BlockNames.all) func hasTheReferenceOutputLossAndEveryGradient(
    _ name: String
  ) throws {
    let values = try GoldenValues(name)
    let (model, store) = try model(values)
    #expect(try store.names == values.config.order)
    for name in store.names where name != "pos_embed" { store[name]?.requiresGradient = true }
    let output = model(values["x"], t: values["t"], y: values["y"])
    #expect(relativeError(output.detached, values["output"]) < Tolerance.float32)
    let loss = (output - values["target"]).squared.mean()
    #expect(relativeError(loss.detached, values["loss"]) < Tolerance.float32)
    loss.backward()
    let gradients = values.tensors("gradients.")
    #expect(gradients.count >= store.names.count - 2)
    for (name, expected) in gradients {
      let gradient = try #require(store[name]?.gradient)
      #expect(relativeError(gradient, expected) < Tolerance.float32, "\(name)")
    }
  }

  /// Memory that gives out within the network is an error in the end.
  @Test(arguments: BlockNames.all) func passesFailuresOn(_ name: String) throws {
    let values = try GoldenValues(name)
    let (model, _) = try model(values)
    #expect(throws: TorchError.self) {
      try withTorchErrors {
        _ = model(values["x"], t: values["t"], y: values["y"]) { index, x, c, block in
          block(index == 0 ? failed() : x, c)
        }
      }
    }
  }

  /// The part matters: without it the golden output is another.
  @Test(arguments: ["blocks/rope-2d", "blocks/rope-1d"])
  func rotatesQueriesAndKeys(_ name: String) throws {
    let values = try GoldenValues(name)
    var config = try values.config.model
    config.block.positions = .sines
    let plain = DiT(config, at: ParameterStore(.load(values.weights)).root)
    let output = plain(values["x"], t: values["t"], y: values["y"])
    #expect(relativeError(output, values["output"]) > 100 * Tolerance.float32)
  }

  @Test(arguments: BlockNames.all) func infersThePartsFromShapes(_ name: String) throws {
    let values = try GoldenValues(name)
    let expected = try values.config.model
    let shapes = values.weights.mapValues(\.shape)
    let (config, source) = try DiTConfig.inferred(from: shapes, metadata: expected.metadata)
    #expect(config == expected && source == .metadata)
    guard expected.block.positions == .rotary2D else { return }
    // As files of LightningDiT tell it.
    let table = ["feat_rope.freqs_cos": [config.tokenCount, config.headWidth]]
    let (found, origin) = try DiTConfig.inferred(from: shapes.merging(table) { $1 })
    #expect(found == expected && origin == .rotations)
  }

  @Test func knowsThePublishedSizesOfLightningDiT() {
    var config = DiTConfig(
      inputSize: 16, channelCount: 32, patchSize: 1, hiddenSize: 1152, depth: 28, headCount: 16,
      learnsVariance: false, block: .lightning)
    #expect(config.publishedName == "LightningDiT-XL/1")
    let store = ParameterStore(.shapes)
    _ = DiT(config, at: store.root)
    // As published, the fixed positions included.
    #expect(store.elementCount == 675_256_736)
    config.block = .modern
    #expect(config.publishedName == "LightningDiT-XL/1")
    config.block = .dit
    #expect(config.publishedName == nil)
    config.patchSize = 2
    #expect(config.publishedName == "DiT-XL/2")
  }

  @Test func refusesPositionsThatNoHeadCanHave() throws {
    let values = try GoldenValues("blocks/rope-2d")
    func message(_ metadata: [String: String], headCount: Int? = nil) throws -> String {
      let error = #expect(throws: ModelError.self) {
        try DiTConfig.inferred(
          from: values.weights.mapValues(\.shape), headCount: headCount, metadata: metadata)
      }
      return try #require(error).message
    }
    #expect(try message(["positions": "rope-3d"]).contains("known are sines, rope-2d, rope-1d"))
    let odd = try message(["positions": "rope-2d"], headCount: 8)
    #expect(odd.contains("8 attention heads") && odd.contains("multiple of 4"))
    #expect(try message(["positions": "rope-1d"], headCount: 16).contains("multiple of 2"))
  }

  @Test func mapsTheLayersOfGatedMLPs() throws {
    for (name, layers) in [
      ("blocks/swiglu", [BlockLayer.qkv, .projection, .w12, .w3]),
      ("blocks/swiglu-apart", [.qkv, .projection, .w12, .w2]),
    ] {
      let values = try GoldenValues(name)
      let (model, _) = try model(values)
      var visited: [BlockLayer] = []
      let block = model.blocks[0].map { name, layer in
        visited.append(name)
        return layer
      }
      #expect(visited == layers && layers.last?.endsMLP == true)
      let x = model.tokens(values["x"])
      let c = model.condition(t: values["t"], y: values["y"])
      let expected = model.blocks[0](x, conditionedOn: c)
      #expect(relativeError(block(x, conditionedOn: c), expected) < Tolerance.float32)
    }
  }

  /// Yao et al. 2025: LightningDiT-XL/1 has 675 M parameters.
  @Test func countsTheParametersOfLightningDiT() {
    var config = DiTPreset.xl2.config(inputSize: 16, channelCount: 32, learnsVariance: false)
    config.patchSize = 1
    config.block = .lightning
    #expect(config.mlpWidth == 3072)
    let (d, hidden) = (1152, 3072)
    let block =
      2 * d + 3 * d * (d + 1) + d * (d + 1) + 2 * hidden * (d + 1) + d * (hidden + 1)
      + 6 * d * (d + 1)
    let stem = 256 * d + d * 33 + d * 257 + d * (d + 1) + 1001 * d
    let final = d + 32 * (d + 1) + 2 * d * (d + 1)
    #expect(config.parameterCount == stem + 28 * block + final)
    #expect(config.parameterCount == 675_256_736)
  }

  /// The widths of the published code, which takes two thirds in floating point.
  @Test func takesTwoThirdsOfTheHiddenWidth() {
    for (width, hidden) in [(1152, 3072), (1024, 2730), (768, 2048), (1536, 4096), (1792, 4778)] {
      for mlp in [DiTBlockConfig.MLP.swiGLU, .swiGLUApart] {
        #expect(mlp.hiddenWidth(4 * width) == hidden)
        let outputs = mlp == .swiGLU ? 2 * hidden : hidden
        #expect(mlp.ratio(outputs: outputs, width: width) == 4)
      }
    }
  }

  /// Cost in closed form: a gated MLP has three products of two thirds of the width.
  @Test func countsTheCostOfGatedMLPs() {
    var config = DiTConfig(inputSize: 8, patchSize: 2, hiddenSize: 24, depth: 5, headCount: 3)
    let plain = config.multiplyAddCount
    config.block = DiTBlockConfig(mlp: .swiGLUApart)
    #expect(config.multiplyAddCount == plain)
    config.block = DiTBlockConfig(
      norm: .rms, mlp: .swiGLU, positions: .rotary1D, queryKeyNorm: .rms)
    #expect(config.multiplyAddCount == plain)
  }
}
