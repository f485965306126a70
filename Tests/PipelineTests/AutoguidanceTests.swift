internal import Checkpoint
internal import Diffusion
internal import Inference
internal import Layers
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct AutoguidanceTests {
  /// A weaker copy of a model, the built-in one: its blocks do less.
  private static func writeGuide(
    to path: String, of model: Checkpoint? = nil, family: String? = nil,
    leavingOut isLeftOut: (String) -> Bool = { _ in false }
  ) throws {
    let checkpoint = try model ?? EmbeddedModel.checkpoint()
    let tensors = checkpoint.stateDict.filter { !isLeftOut($0.key) }.sorted { $0.key < $1.key }
    try CheckpointWriter.write(
      tensors.map { name, tensor in
        (name, name.hasSuffix("attn.proj.weight") ? tensor.to(.float32) * 0.5 : tensor)
      },
      metadata: checkpoint.metadata.merging(family.map { ["family": $0] } ?? [:]) { $1 }, to: path)
  }

  private static func model(_ checkpoint: Checkpoint) throws -> DiT {
    let (config, _) = try DiTConfig.inferred(
      from: checkpoint.stateDict.mapValues(\.shape), metadata: checkpoint.metadata)
    return DiT(config, at: ParameterStore(.load(checkpoint.stateDict, dtype: .float32)).root)
  }

  @Test(arguments: ExecutionMode.allCases, [GuidedChannels.first(3), .all])
  func followsItsFormula(_ mode: ExecutionMode, _ channels: GuidedChannels) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/guide.safetensors"
      try Self.writeGuide(to: path)
      let pipeline = try LatentDiffusionPipeline(
        PipelineConfig(guideCheckpoint: path, precision: .fp32, mode: mode))
      let options = SamplingOptions(
        sampler: .euler, stepCount: 4, guidance: Guidance(scale: 2, channels: channels))
      let latents = try pipeline.samplingLoop(
        labels: [2, 5], options: options, generator: try pipeline.makeGenerator(seed: 7)
      ).run()

      let (main, guide) = (
        try Self.model(EmbeddedModel.checkpoint()), try Self.model(Checkpoint.open(path))
      )
      let y = Tensor([2, 5])
      let count = main.config.channelCount
      let guided = channels == .all ? count : 3
      let process = pipeline.process
      let predictor = Predictor(
        { latents, time in
          let t = Tensor.full([2], time)
          let (strong, weak) = (main(latents, t: t, y: y), guide(latents, t: t, y: y))
          let sum = weak + (strong - weak) * 2
          return concatenated(
            [
              sum.narrowed(axis: 1, start: 0, count: guided),
              strong.narrowed(axis: 1, start: guided, count: strong.size(1) - guided),
            ], axis: 1)
        }, path: process.path, parametrization: process.parametrization)
      let generator = try Generator(seed: 7)
      let expected = try SamplingLoop(
        try SamplingMethod.euler.makeSampler(on: process.path, stepCount: 4), predictor,
        from: .randn([2, count, 16, 16], generator: generator), noise: .perBatch(generator),
        networkBatchSize: 4
      ).run()
      #expect(relativeError(latents, expected) < Tolerance.trajectory)

      let unguided = SamplingOptions(
        sampler: .euler, stepCount: 4, guidance: Guidance(scale: 1))
      let other = try pipeline.samplingLoop(
        labels: [2, 5], options: unguided, generator: try pipeline.makeGenerator(seed: 7)
      ).run()
      #expect(relativeError(other, expected) > 0.01)
    }
  }

  @Test func worksInOtherFormatsAndWithACache() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/guide.safetensors"
      try Self.writeGuide(to: path)
      func latents(_ precision: Precision, _ cache: FeatureCache = .off) throws -> Tensor {
        let pipeline = try LatentDiffusionPipeline(
          PipelineConfig(guideCheckpoint: path, precision: precision, cache: cache))
        return try pipeline.samplingLoop(
          labels: [2],
          options: SamplingOptions(
            sampler: .dpm2M, stepCount: 20,
            guidance: Guidance(
              scale: 2, interval: GuidanceInterval(from: 0.1, to: 0.9))),
          generator: try pipeline.makeGenerator(seed: 7)
        ).run()
      }
      let expected = try latents(.fp32)
      #expect(relativeNormError(try latents(.bf16), expected) < Tolerance.bfloat16)
      if Device.cpu.capabilities.int8 {
        #expect(relativeNormError(try latents(.int8), expected) < 2 * Tolerance.int8)
      }
      #expect(relativeError(try latents(.fp32, .taylor(interval: 1)), expected) == 0)
      let cached = try latents(.fp32, .taylor(interval: 2))
      let error = relativeNormError(cached, expected)
      #expect(error > Tolerance.trajectory && error < 0.2, "\(error)")
    }
  }

  @Test func refusesAGuideForOtherLatentsOrClasses() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/guide.safetensors"
      let values = try GoldenValues("dit-odd")
      try CheckpointWriter.write(
        values.weights.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
        metadata: ["num_heads": "3"], to: path)
      let error = try #require(
        #expect(throws: PipelineError.self) {
          try LatentDiffusionPipeline(.small(guideCheckpoint: path))
        })
      #expect(error.isSetting)
      #expect(
        error.message
          == "the guide '\(path)' is for latents of 4 x 6 x 6 and 10 classes, '\(SmallModel.dit)' for"
          + " latents of 4 x 8 x 8 and 10 classes")
    }
  }

  @Test func isReadAsStrictlyAsTheModel() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/guide.safetensors"
      try Self.writeGuide(to: path) { $0 == "blocks.1.attn.qkv.bias" }
      let error = try #require(
        #expect(throws: PipelineError.self) {
          try LatentDiffusionPipeline(PipelineConfig(guideCheckpoint: path))
        })
      #expect(error.message.contains("1 missing: blocks.1.attn.qkv.bias"), "\(error)")
    }
  }

  /// A class table without the row of the null class.
  @Test func guidesAModelWithoutANullClass() throws {
    try withTemporaryFolder { folder in
      let (path, guide) = (folder + "/model.safetensors", folder + "/guide.safetensors")
      try Self.writeGuide(to: guide)
      let checkpoint = try EmbeddedModel.checkpoint()
      let table = "y_embedder.embedding_table.weight"
      try CheckpointWriter.write(
        checkpoint.stateDict.sorted { $0.key < $1.key }.map { name, tensor in
          (name, name == table ? tensor[0..<tensor.size(0) - 1].cloned : tensor)
        }, metadata: checkpoint.metadata, to: path)
      func run(_ guide: String?) throws -> Tensor {
        let pipeline = try LatentDiffusionPipeline(
          PipelineConfig(
            ditCheckpoint: path, guideCheckpoint: guide, autoencoder: .embedded,
            precision: .fp32))
        #expect(!pipeline.model.hasNullClass)
        return try pipeline.samplingLoop(
          labels: [1], options: SamplingOptions(sampler: .euler, stepCount: 2),
          generator: try pipeline.makeGenerator(seed: 7)
        ).run()
      }
      let error = #expect(throws: PipelineError.self) { try run(nil) }
      let config = try Self.model(checkpoint).config
      #expect(error?.reason == .noNullClass(rows: config.classCount))
      let (channels, size) = (config.channelCount, config.inputSize)
      #expect(try run(guide).shape == [1, channels, size, size])
    }
  }

  /// A file that does not tell its family guides models of any.
  @Test func refusesAGuideOfAnotherFamily() throws {
    try withTemporaryFolder { folder in
      let (flow, silent) = (folder + "/flow.safetensors", folder + "/silent.safetensors")
      let small = try Checkpoint.open(SmallModel.dit)
      try Self.writeGuide(to: flow, of: small, family: "sit")
      try Self.writeGuide(to: silent, of: small)
      let error = try #require(
        #expect(throws: PipelineError.self) {
          try LatentDiffusionPipeline(.small(guideCheckpoint: flow))
        })
      #expect(error.reason == .otherFamily && error.isSetting)
      #expect(
        error.message
          == "the guide '\(flow)' is of family sit, on the linear path, and predicts velocity,"
          + " '\(SmallModel.dit)' is of family dit")
      let pipeline = try LatentDiffusionPipeline(
        PipelineConfig(
          ditCheckpoint: flow, guideCheckpoint: silent, autoencoder: .none, precision: .fp32,
          cache: .taylor(interval: 2)))
      func latents(_ method: SamplingMethod) throws -> Tensor {
        try pipeline.samplingLoop(
          labels: [1], options: SamplingOptions(sampler: method, stepCount: 5),
          generator: try pipeline.makeGenerator(seed: 7)
        ).run()
      }
      for method in [SamplingMethod.euler, .unipc] {
        #expect(try latents(method).shape == [1, 4, 8, 8])
      }
      let unsuited = try #require(
        #expect(throws: PipelineError.self) { try latents(.dopri5) })
      #expect(unsuited.reason == .unsuitedCache)
      #expect(unsuited.message.contains("as in euler, unipc"), "\(unsuited)")
      let unfit = try #require(#expect(throws: PipelineError.self) { try latents(.ddim) })
      #expect(unfit.reason == .setting, "\(unfit)")
    }
  }
}
