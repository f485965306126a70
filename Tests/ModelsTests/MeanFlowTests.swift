internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct MeanFlowTests {
  private func model(_ golden: GoldenMeanFlow) throws -> (MeanFlow, ParameterStore) {
    let store = ParameterStore(.load(golden.values.weights))
    let model = MeanFlow(golden.config, at: store.root)
    try store.verifyLoaded()
    return (model, store)
  }

  @Test func hasTheReferenceVelocitiesLossAndEveryGradient() throws {
    let golden = try GoldenMeanFlow()
    let values = golden.values
    let (model, store) = try model(golden)
    #expect(store.names == golden.order)
    for name in store.names { store[name]?.requiresGradient = true }
    let (average, instantaneous) = model.velocities(values["z"], golden.conditions)
    #expect(relativeError(average.detached, values["average"]) < Tolerance.float32)
    #expect(relativeError(instantaneous.detached, values["instantaneous"]) < Tolerance.float32)
    let target = values["target"]
    let loss = (average - target).squared.mean() + (instantaneous + target).squared.mean()
    #expect(relativeError(loss.detached, values["loss"]) < Tolerance.float32)
    loss.backward()
    let gradients = values.tensors("gradients.")
    #expect(gradients.count == store.names.count - 3)
    for (name, expected) in gradients {
      let gradient = try #require(store[name]?.gradient)
      #expect(relativeError(gradient, expected) < Tolerance.float32, "\(name)")
    }
  }

  /// Memory that gives out within the network is an error in the end.
  @Test func passesFailuresOn() throws {
    let golden = try GoldenMeanFlow()
    let (model, _) = try model(golden)
    #expect(throws: TorchError.self) {
      try withTorchErrors {
        _ = model(golden.values["z"], golden.conditions) { index, x, block in
          block(index == 0 ? failed() : x)
        }
      }
    }
  }

  /// The change of u along a way of z and t, by finite differences in float64: what training needs.
  @Test func changesAsTheReferenceAlongTheFlow() throws {
    let golden = try GoldenMeanFlow()
    let values = golden.values
    let store = ParameterStore(.load(golden.values.weights, dtype: .float64))
    let model = MeanFlow(golden.config, at: store.root)
    func average(_ step: Double) -> Tensor {
      var conditions = golden.conditions
      conditions.span = conditions.span + step
      return model(
        values["z"].to(.float64) + values["tangent"].to(.float64) * step, conditions)
    }
    // Sinusoids of the span are float32.
    let step = 1.0 / 128
    let slope = (average(step) - average(-step)) / (2 * step)
    #expect(relativeError(slope, values["slope"]) < 2e-3)
  }

  @Test func runsEachBlockThroughTheHook() throws {
    let golden = try GoldenMeanFlow()
    let (model, _) = try model(golden)
    var indices: [Int] = []
    let (average, instantaneous) = model.velocities(golden.values["z"], golden.conditions) {
      indices.append($0)
      return $2($1)
    }
    #expect(indices == [0, 1, 2, 3])
    #expect(relativeError(average, golden.values["average"]) < Tolerance.float32)
    #expect(relativeError(instantaneous, golden.values["instantaneous"]) < Tolerance.float32)
  }

  @Test func needsNoHeadOfTheInstantaneousVelocityForTheAverage() throws {
    let golden = try GoldenMeanFlow()
    let store = ParameterStore(.load(golden.samplingWeights))
    let model = MeanFlow(golden.samplingConfig, at: store.root)
    try store.verifyLoaded()
    let average = model(golden.values["z"], golden.conditions)
    #expect(relativeError(average, golden.values["average"]) < Tolerance.float32)
    #expect(store.names == golden.order.filter { !$0.hasPrefix("v_") })
  }

  @Test func infersTheConfigurationFromShapes() throws {
    let golden = try GoldenMeanFlow()
    let shapes = golden.values.weights.mapValues(\.shape)
    let found = try MeanFlowConfig.inferred(from: shapes, metadata: golden.config.metadata)
    #expect(found == golden.config && found.preset == nil)
    let sampling = try MeanFlowConfig.inferred(
      from: golden.samplingWeights.mapValues(\.shape), inputSize: 6, headCount: 2, classCount: 5)
    #expect(sampling == golden.samplingConfig)
    // Published files have the last layer of the velocity, and not its blocks.
    let published = shapes.filter { !$0.key.hasPrefix("v_heads") }
    #expect(try MeanFlowConfig.inferred(from: published, inputSize: 6) == golden.samplingConfig)
    #expect(try MeanFlowConfig.inferred(from: published).inputSize == 32)
  }

  @Test func refusesShapesThatDoNotBelongTogether() throws {
    let shapes = try GoldenMeanFlow().values.weights.mapValues(\.shape)
    func message(
      headCount: Int? = nil, classCount: Int? = nil, _ change: (inout [String: [Int]]) -> Void
    ) throws -> String {
      var shapes = shapes
      change(&shapes)
      return try #require(
        #expect(throws: ModelError.self) {
          try MeanFlowConfig.inferred(
            from: shapes, inputSize: 6, headCount: headCount, classCount: classCount)
        }
      ).message
    }
    #expect(try message { $0["omega_tokens"] = nil }.contains("without omega_tokens"))
    #expect(try message { $0["time_tokens"] = [0, 16] }.contains("belong together"))
    let norm = "shared_blocks.0.attn.q_norm.weight"
    #expect(try message { $0[norm] = [7] }.contains("heads of 7 channels"))
    #expect(try message { $0[norm] = [1] }.contains("heads of 1 channels"))
    #expect(
      try message { $0["x_embedder.proj.weight"] = [1 << 62, 4, 2, 2] }.contains("together"))
    #expect(
      try message { $0["x_embedder.proj.weight"] = [16, 4, 4, 4] }.contains("patches of 4"))
    #expect(try message(headCount: 4) { _ in }.contains("2 attention heads"))
    #expect(try message(classCount: 6) { _ in }.contains("6 rows, for 5 classes"))
  }

  /// The sizes of the published files in closed form, and the paper's table of millions.
  @Test(arguments: zip(MeanFlowPreset.allCases, [89, 174, 409, 610]))
  func countsTheParametersOfThePublishedSizes(_ preset: MeanFlowPreset, _ millions: Int) {
    let config = preset.config()
    let (d, hidden) = (config.hiddenSize, config.mlpWidth)
    #expect(hidden == (d == 768 ? 2048 : 2730) && config.preset == preset)
    let block = 4 * d * d + 3 * d * hidden + 4 * d + 2 * 64
    let embedders = 4 * (d * 257 + d * (d + 1)) + 1001 * d + 20 * d
    let count = d * 17 + embedders + config.depth * block + d + 16 * (d + 1)
    #expect(config.parameterCount == count)
    #expect(Int((Double(count) / 1e6).rounded()) == millions)
  }

  @Test func countsTheCostInClosedForm() {
    let config = MeanFlowPreset.xl2.config()
    let (d, hidden, tokens) = (1024.0, 2730.0, 276.0)
    let blocks = 48 * (tokens * (4 * d * d + 3 * d * hidden) + 2 * tokens * tokens * d)
    let ends = 2 * 256 * 16 * d + 4 * (256 * d + d * d)
    #expect(config.multiplyAddCount == blocks + ends)
  }
}
