internal import Diffusion
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct DiTTests {
  static let names = ["dit-even", "dit-odd", "dit-fixed"]

  private func model(_ values: GoldenValues) throws -> (DiT, ParameterStore) {
    let store = ParameterStore(.load(values.weights))
    let model = DiT(try values.config.model, at: store.root)
    try store.verifyLoaded()
    return (model, store)
  }

  @Test(arguments: names) func predictsWhatTheReferencePredicts(_ name: String) throws {
    let values = try GoldenValues(name)
    let (model, _) = try model(values)
    let output = model(values["x"], t: values["t"], y: values["y"])
    #expect(relativeError(output, values["output"]) < Tolerance.float32)
  }

  @Test(arguments: names) func namesParametersInThePublishedOrder(_ name: String) throws {
    let values = try GoldenValues(name)
    let (_, store) = try model(values)
    #expect(try store.names == values.config.order)
  }

  @Test(arguments: names) func guidesTheChosenChannels(_ name: String) throws {
    let values = try GoldenValues(name)
    let (model, _) = try model(values)
    let (x, t, y) = (values["x"], values["t"], values["y"])
    let null = Tensor.full(y.shape, Double(model.config.classCount)).to(.int64)
    let output = model(concatenated([x, x]), t: concatenated([t, t]), y: concatenated([y, null]))
    for (channels, name) in [(GuidedChannels.first(3), "guided3"), (.all, "guided_all")] {
      let guided = Guidance(scale: 4, channels: channels)
        .combined(output, channelCount: model.config.channelCount)
      #expect(relativeError(guided, values[name]) < Tolerance.float32)
    }
  }

  @Test(arguments: names) func agreesWithTheReferenceInEachPart(_ name: String) throws {
    let values = try GoldenValues(name)
    let (model, store) = try model(values)
    let (x, t, y) = (values["x"], values["t"], values["y"])
    func check(_ tensor: Tensor, _ part: String) {
      #expect(relativeError(tensor, values["parts.\(part)"]) < Tolerance.float32, "\(part)")
    }
    check(PositionEmbedding.timestep(t, width: 256), "timestep_sinusoids")
    check(model.timestepEmbed(t), "timestep_embedding")
    check(embedding(y, table: model.labels), "label_embedding")
    check(model.tokens(x), "tokens")
    check(
      model.blocks[0](model.tokens(x), conditionedOn: model.condition(t: t, y: y)), "block0")
    check(model.unpatchified(values["parts.unpatchified_input"]), "unpatchified")
    let config = model.config
    let positions = PositionEmbedding.sinCos2D(width: config.hiddenSize, gridSize: config.gridSize)
    #expect(relativeError(positions, try #require(store["pos_embed"])) < Tolerance.float32)
  }

  @Test(arguments: names) func infersItsConfigurationFromShapes(_ name: String) throws {
    let values = try GoldenValues(name)
    let expected = try values.config.model
    let (config, source) = try DiTConfig.inferred(
      from: values.weights.mapValues(\.shape), headCount: expected.headCount)
    #expect(config == expected)
    #expect(source == .given)
  }

  /// Parameter counts of Peebles & Xie 2023, table 9 (in millions), for latents of 32 x 32.
  @Test(arguments: [
    (DiTPreset.s8, 33), (.s4, 33), (.s2, 33), (.b8, 131), (.b4, 130), (.b2, 130), (.l8, 459),
    (.l4, 458), (.l2, 458), (.xl8, 676), (.xl4, 675), (.xl2, 675),
  ]) func hasThePublishedSize(_ preset: DiTPreset, _ millions: Int) {
    let store = ParameterStore(.shapes)
    _ = DiT(preset.config(inputSize: 32), at: store.root)
    let trained = store.elementCount - (store["pos_embed"]?.count ?? 0)
    #expect(abs(Double(trained) / 1e6 - Double(millions)) < 0.6)
  }

  @Test func countsTheParametersOfTheLargestModelExactly() {
    let store = ParameterStore(.shapes)
    _ = DiT(DiTPreset.xl2.config(inputSize: 32), at: store.root)
    #expect(store.elementCount == 675_129_632)
  }

  @Test func startsAsTheIdentityThatGivesZero() throws {
    let config = DiTConfig(
      inputSize: 4, patchSize: 2, hiddenSize: 32, depth: 2, headCount: 2, classCount: 3)
    let generator = try Generator(seed: 1)
    let model = DiT(config, at: ParameterStore(.initialize(generator)).root)
    let x = Tensor.randn([2, 4, 4, 4], generator: generator)
    let output = model(x, t: Tensor([3, 999]), y: Tensor([0, 3]))
    #expect(output.magnitude.max().item == 0)
  }
}

@Suite struct DiTConfigInferenceTests {
  private func shapes(_ config: DiTConfig) -> [String: [Int]] {
    let store = ParameterStore(.shapes)
    _ = DiT(config, at: store.root)
    return store.stateDict.mapValues(\.shape)
  }

  @Test(arguments: DiTPreset.allCases) func knowsTheHeadsOfPublishedSizes(_ preset: DiTPreset)
    throws
  {
    let config = preset.config(inputSize: 64)
    let (inferred, source) = try DiTConfig.inferred(from: shapes(config))
    #expect(inferred == config)
    #expect(source == .preset)
    #expect(inferred.preset == preset)
  }

  @Test func looksForHeadsInMetadataThenGuesses() throws {
    let config = DiTConfig(
      inputSize: 8, patchSize: 2, hiddenSize: 192, depth: 1, headCount: 3, classCount: 2)
    let shapes = shapes(config)
    #expect(try DiTConfig.inferred(from: shapes).headCountSource == .width)
    #expect(try DiTConfig.inferred(from: shapes).config == config)
    let (six, source) = try DiTConfig.inferred(from: shapes, metadata: ["num_heads": "6"])
    #expect(six.headCount == 6)
    #expect(source == .metadata)
  }

  @Test func refusesHeadsThatDoNotDivideTheWidth() throws {
    let config = DiTConfig(inputSize: 8, patchSize: 2, hiddenSize: 192, depth: 1, headCount: 3)
    let error = #expect(throws: ModelError.self) {
      try DiTConfig.inferred(from: shapes(config), headCount: 5)
    }
    #expect(try #require(error).reason == .headCount)
    #expect(try #require(error).message.contains("5 attention heads"))
  }

  @Test func tellsWhetherAClassTableHasANullRow() throws {
    func found(
      _ rows: Int, _ given: Int? = nil, _ metadata: [String: String] = [:]
    ) throws -> [Int] {
      var config = DiTConfig(inputSize: 8, patchSize: 2, hiddenSize: 64, depth: 1, headCount: 1)
      config.classCount = rows - 1
      let shapes = shapes(config)
      let (inferred, _) = try DiTConfig.inferred(
        from: shapes, classCount: given, metadata: metadata)
      #expect(inferred.classRowCount == rows)
      return [inferred.classCount, inferred.hasNullClass ? 1 : 0]
    }
    #expect(try found(5) == [4, 1] && found(1001) == [1000, 1])
    #expect(try found(1000) == [1000, 0] && found(1000, 999) == [999, 1])
    #expect(try found(5, 5) == [5, 0] && found(5, 4) == [4, 1])
    #expect(try found(5, nil, ["num_classes": "5"]) == [5, 0])
    #expect(try found(1000, nil, ["num_classes": "999"]) == [999, 1])
    #expect(try found(5, nil, ["args.num_classes": "5"]) == [5, 0])
    #expect(try found(5, nil, ["num_classes": "17"]) == [4, 1])
    let error = #expect(throws: ModelError.self) { try found(5, 3) }
    #expect(try #require(error).reason == .classCount)
  }

  @Test func saysWhatAnotherModelLacks() throws {
    let error = #expect(throws: ModelError.self) {
      try DiTConfig.inferred(from: ["conv1.weight": [64, 3, 7, 7]])
    }
    #expect(try #require(error).message.contains("x_embedder.proj.weight"))
  }
}
