internal import Checkpoint
internal import Diffusion
internal import Inference
internal import Layers
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// Files of improved MeanFlow, and whole runs with them.
@Suite struct MeanFlowRunTests {
  private static func pipeline(
    _ path: String, mode: ExecutionMode = .graph, change: (inout PipelineConfig) -> Void = { _ in }
  ) throws -> LatentDiffusionPipeline {
    var config = PipelineConfig(
      ditCheckpoint: path, autoencoder: .none, imageSize: 48, precision: .fp32, mode: mode)
    change(&config)
    return try LatentDiffusionPipeline(config)
  }

  private static func message(_ body: () throws -> Void) throws -> String {
    do {
      try body()
    } catch let error as PipelineError {
      return error.message
    }
    Issue.record("it did not throw")
    return ""
  }

  @Test(arguments: ["pth", "safetensors"]) func loadsStrictly(_ suffix: String) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/iMF." + suffix
      try MeanFlowFiles.write(to: path)
      let golden = try GoldenMeanFlow()
      let state = try MeanFlowState(try Checkpoint.open(path), imageSize: 48)
      #expect(state.config == golden.samplingConfig)
      #expect(state.names == golden.order.filter { !$0.hasPrefix("v_") })
      #expect(state.family.family == .meanflow && state.family.source == .network)
      #expect(state.findings.contains(.leftOutTrainingParts("v_final_layer.*")))
      #expect(state.findings.contains(.removedPrefix("net.", leftOut: [])))
      guard case .meanFlow = try CheckpointContent(try Checkpoint.open(path)) else {
        Issue.record("another content")
        return
      }
    }
  }

  @Test func keepsTheHeadOfTheVelocityIfItIsWhole() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      let golden = try GoldenMeanFlow()
      try MeanFlowFiles.write(to: path, metadata: golden.config.metadata) { state in
        for (name, tensor) in golden.values.weights { state["net." + name] = tensor }
      }
      let state = try MeanFlowState(try Checkpoint.open(path))
      #expect(state.config == golden.config && state.names == golden.order)
    }
  }

  @Test func namesWhatDoesNotFit() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      try MeanFlowFiles.write(to: path)
      func message(_ change: (inout [String: Tensor]) -> Void) throws -> String {
        try MeanFlowFiles.write(to: path, change: change)
        return try Self.message { _ = try Self.pipeline(path) }
      }
      #expect(
        try message { $0["net.u_heads.0.attn_scale"] = nil }
          .contains("missing: u_heads.0.attn_scale"))
      #expect(try message { $0["net.more"] = .zeros([1]) }.contains("unexpected: more"))
      let name = "net.shared_blocks.1.mlp.w2._flax_linear.weight"
      #expect(try message { $0[name] = .zeros([16, 43]) }.contains("[16, 43] in the file"))
      #expect(try message { $0["net.t_max_tokens"] = nil }.contains("without t_max_tokens"))
      #expect(
        try message { $0["net.x_embedder.proj.weight"] = .zeros([16, 4, 4, 4]) }
          .contains("patches of 4"))
    }
  }

  /// The same steps by hand over the network as written.
  @Test(arguments: ExecutionMode.allCases, [1, 2])
  func samplesInAFewSteps(_ mode: ExecutionMode, _ stepCount: Int) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.pth"
      try MeanFlowFiles.write(to: path)
      let pipeline = try Self.pipeline(path, mode: mode)
      let options = SamplingOptions(stepCount: stepCount == 1 ? nil : stepCount)
      let loop = try pipeline.samplingLoop(
        labels: [1, 3], options: options, generator: try pipeline.makeGenerator(seed: 7))
      let step = try #require(try loop.next())
      #expect(step.count == stepCount)
      let latents = try loop.run()

      let golden = try GoldenMeanFlow()
      let network = EagerMeanFlow(
        MeanFlow(golden.samplingConfig, at: ParameterStore(.load(golden.samplingWeights)).root),
        dtype: .float32, device: .cpu
      ).bind(labels: [1, 3], guidance: MeanFlowGuidance(scale: 8, low: 0.4, high: 0.65))
      var z = Tensor.randn([2, 4, 6, 6], generator: try pipeline.makeGenerator(seed: 7))
      let first = z
      for _ in 0..<stepCount {
        z = z - network(z, 1 / Double(stepCount)) * (1 / Double(stepCount))
      }
      #expect(relativeError(latents, z) < Tolerance.trajectory)
      // A preview goes all the way by the first average velocity.
      let data = first - network(first, 1 / Double(stepCount))
      #expect(relativeError(try step.predictedData(), data) < Tolerance.trajectory)
    }
  }

  @Test func takesGuidanceAsAnInput() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.pth"
      try MeanFlowFiles.write(to: path)
      let pipeline = try Self.pipeline(path)
      func latents(_ guidance: Guidance, _ sampler: SamplingMethod? = nil) throws -> Tensor {
        try pipeline.samplingLoop(
          labels: [2], options: SamplingOptions(sampler: sampler, guidance: guidance),
          generator: try pipeline.makeGenerator(seed: 1)
        ).run()
      }
      let usual = try latents(Guidance())
      #expect(relativeError(try latents(Guidance(scale: 8)), usual) == 0)
      #expect(relativeError(try latents(Guidance(scale: 3)), usual) > 1e-4)
      #expect(relativeError(try latents(Guidance(interval: .all)), usual) > 1e-4)
      #expect(relativeError(try latents(Guidance(channels: .all)), usual) == 0)
      // Below 1 there is none.
      let none = try latents(Guidance(scale: 1))
      #expect(relativeError(try latents(Guidance(scale: -3)), none) == 0)
      // The velocity at a time is the average over no time.
      #expect(try latents(Guidance(), .heun).isFinite.allTrue)
      #expect(
        try Self.message { _ = try latents(Guidance(channels: .first(3))) }
          .contains("guidance as an input"))
      #expect(try Self.message { _ = try latents(Guidance(), .ddpm) }.contains("meanflow"))
    }
  }

  @Test func refusesOtherFamiliesAndParts() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.pth"
      try MeanFlowFiles.write(to: path)
      func message(_ change: (inout PipelineConfig) -> Void) throws -> String {
        try Self.message { _ = try Self.pipeline(path, change: change) }
      }
      for family in ModelFamily.allCases where family != .meanflow {
        #expect(try message { $0.family = family }.contains("is of the family meanflow alone"))
      }
      #expect(try message { $0.path = .gvp }.contains("has the linear path"))
      #expect(try message { $0.prediction = .noise }.contains("predicts velocities"))
      #expect(try message { $0.preset = .xl2 }.contains("is no DiT-XL/2"))
      #expect(try message { $0.headCount = 4 }.contains("2 attention heads"))
      #expect(try message { $0.classCount = 6 }.contains("for 5 classes"))
      #expect(try message { $0.guideCheckpoint = path }.contains("no use for a guide"))
      let cached = try LatentDiffusionPipeline(
        PipelineConfig(
          ditCheckpoint: path, autoencoder: .none, imageSize: 48, cache: .taylor(interval: 2)))
      #expect(
        try Self.message {
          _ = try cached.samplingLoop(
            labels: [1], options: SamplingOptions(),
            generator: try cached.makeGenerator(seed: 1))
        }.contains("the cache taylor:2"))
      // A DiT is of other families.
      let dit = folder + "/dit.safetensors"
      try CheckpointWriter.write(
        try GoldenValues("dit-fixed").weights.sorted { $0.key < $1.key }
          .map { (name: $0.key, tensor: $0.value) }, to: dit)
      #expect(
        try Self.message {
          _ = try LatentDiffusionPipeline(Self.meanFlow(dit))
        }.contains("the network is a DiT"))
      let metadata = folder + "/other.safetensors"
      try MeanFlowFiles.write(to: metadata, metadata: ["family": "sit", "input_size": "6"])
      #expect(
        try Self.message { _ = try Self.pipeline(metadata) }.contains("name the family 'sit'"))
    }
  }

  private static func meanFlow(_ path: String) -> PipelineConfig {
    var config = PipelineConfig(ditCheckpoint: path, autoencoder: .none)
    config.family = .meanflow
    return config
  }

  @Test func normalizesLatentsByTheFamilysStatistics() throws {
    try withTemporaryFolder { folder in
      let (path, autoencoder) = (folder + "/x.pth", folder + "/vae.safetensors")
      try MeanFlowFiles.write(to: path)
      try MeanFlowFiles.writeAutoencoder(to: autoencoder)
      let pipeline = try Self.pipeline(path) { $0.autoencoder = .file(autoencoder) }
      #expect(pipeline.imageSize == 48)
      // The small autoencoder's latents are those of the large one times its factor.
      let statistics = pipeline.scaling.statistics
      #expect(abs(statistics.means[0] - 0.86488 * 0.18215) < 1e-6)
      #expect(abs(statistics.deviations[3] - 3.9870003 * 0.18215) < 1e-6)
      #expect(pipeline.scaleFactor == 1)
      #expect(try Self.pipeline(path).scaling.statistics.deviations[0] == 4.85503674)
    }
  }

  /// The published sizes and figures.
  @Test func hasThePublishedGuidanceBySizeAndSteps() throws {
    var process = DiffusionProcess.flow(of: .meanflow)
    process.usualGuidance = MeanFlowPreset.xl2.config().usualGuidance
    func guidance(_ steps: Int?) -> Guidance {
      SamplingOptions(stepCount: steps).settled(for: process).guidance
    }
    #expect(guidance(nil).scale == 8 && guidance(1).interval.description == "0.42,0.62")
    #expect(guidance(2).scale == 4 && guidance(4).interval.description == "0.36,0.64")
    process.usualGuidance = MeanFlowPreset.m2.config().usualGuidance
    #expect(guidance(2).scale == 10.5 && guidance(2).interval.description == "0.4,0.6")
    process.usualGuidance = MeanFlowPreset.b2.config().usualGuidance
    #expect(guidance(1).scale == 8 && guidance(1).interval.description == "0.4,0.65")
    let options = SamplingOptions().settled(for: process)
    #expect(options.sampler == .meanFlow && options.stepCount == 1)
    #expect(options.timestepSpacing == .linspace && options.guidance.channels == .all)
  }
}
