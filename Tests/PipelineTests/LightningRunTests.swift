internal import Checkpoint
internal import Diffusion
internal import ImageData
internal import Inference
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// Whole runs of a small LightningDiT with its autoencoder and its statistics, from files as published.
@Suite struct LightningRunTests {
  private static func pipeline(
    _ folder: String, mode: ExecutionMode = .graph, statistics: String? = LightningFiles.statistics,
    change: (inout PipelineConfig) -> Void = { _ in }
  ) throws -> LatentDiffusionPipeline {
    var config = PipelineConfig(
      ditCheckpoint: folder + "/dit.safetensors", autoencoder: .file(folder + "/vae.safetensors"),
      latentStatsPath: statistics, precision: .fp32, mode: mode)
    change(&config)
    return try LatentDiffusionPipeline(config)
  }

  /// The family's own settings but for the number of steps.
  @Test(arguments: ExecutionMode.allCases) func drawsTheReferenceImage(
    _ mode: ExecutionMode
  ) throws {
    let values = try GoldenValues("lightning/sampler")
    try withTemporaryFolder { folder in
      try LightningFiles.write(to: folder)
      let pipeline = try Self.pipeline(folder, mode: mode)
      #expect(pipeline.process.family == .lightningdit && pipeline.imageSize == 64)
      let generator = try pipeline.makeGenerator(seed: 5)
      let loop = try pipeline.samplingLoop(
        labels: [1, 3], options: SamplingOptions(stepCount: 8), generator: generator)
      let latents = try loop.run { step in
        #expect(
          relativeError(step.latents, values["states"][step.index]) < Tolerance.float32,
          "step \(step.index)")
      }
      let image = try #require(try pipeline.decode(latents).first)
      let expected = values["pixels"].elements(UInt8.self)
      let worst = zip(image.pixels, expected).map { abs(Int($0) - Int($1)) }.max() ?? 255
      #expect(image.pixels.count == expected.count && worst <= 1)
    }
  }

  @Test func takesStatisticsFromTheMetadata() throws {
    let statistics = try LatentStatistics(readFrom: LightningFiles.statistics)
    try withTemporaryFolder { folder in
      try LightningFiles.write(to: folder, metadata: statistics.metadata)
      let pipeline = try Self.pipeline(folder, statistics: nil)
      #expect(pipeline.scaling == LatentScaling(statistics: statistics, factor: 1))
      // A factor alone leaves them.
      let scaled = try Self.pipeline(folder, statistics: nil) { $0.scaleFactor = 2 }
      #expect(scaled.scaling == LatentScaling(statistics: statistics, factor: 2))
      // The autoencoder's file knows the same, and takes them off itself.
      let own = statistics.metadata.merging(["scaling_factor": "1.0"]) { $1 }
      try LightningFiles.write(to: folder, metadata: statistics.metadata, vaeMetadata: own)
      #expect(try Self.pipeline(folder, statistics: nil).scaling == LatentScaling())
      try LightningFiles.write(to: folder, vaeMetadata: own)
      #expect(try Self.pipeline(folder, statistics: nil).scaling == LatentScaling())
      let others = LatentStatistics(
        means: statistics.means, deviations: statistics.deviations.map { 2 * $0 })
      try LightningFiles.write(to: folder, metadata: others.metadata, vaeMetadata: own)
      let error = #expect(throws: PipelineError.self) {
        try Self.pipeline(folder, statistics: nil)
      }
      #expect(try #require(error).message.contains("do not belong together"))
    }
  }

  @Test func refusesMissingAndOtherStatistics() throws {
    try withTemporaryFolder { folder in
      try LightningFiles.write(to: folder)
      func error(
        _ statistics: String?, _ change: (inout PipelineConfig) -> Void = { _ in }
      ) throws -> PipelineError {
        try #require(
          #expect(throws: PipelineError.self) {
            try Self.pipeline(folder, statistics: statistics, change: change)
          })
      }
      #expect(try error(nil).reason == .missingStatistics)
      // Whoever gives a factor knows what it does; latents alone need none.
      #expect(try Self.pipeline(folder, statistics: nil) { $0.scaleFactor = 1 }.scaleFactor == 1)
      #expect(
        try !Self.pipeline(folder, statistics: nil) { $0.autoencoder = .none }.makesImages)
      let path = folder + "/few.safetensors"
      try CheckpointWriter.write(
        [("mean", Tensor([1.0, 2.0])), ("std", Tensor([1.0, 2.0]))].map {
          (name: $0.0, tensor: $0.1)
        }, to: path)
      #expect(try error(path).message.contains("2 means for 8 channels"))
      let builtIn = try error(LightningFiles.statistics) {
        $0.ditCheckpoint = nil
        $0.autoencoder = .automatic
      }
      #expect(builtIn.message.contains("built-in") || builtIn.message.contains("pixels"))
      #expect(builtIn.isSetting)
    }
  }

  /// A smaller autoencoder takes the larger one's latents times its factor: here the same one, with
  /// another factor and weights that undo it.
  @Test func previewsRestoreTheStatistics() throws {
    try withTemporaryFolder { folder in
      try LightningFiles.write(to: folder)
      let pipeline = try Self.pipeline(folder)
      let latents = try GoldenValues("lightning/sampler")["states"][7]
      let image = try #require(try pipeline.decode(latents).first)
      let own = try pipeline.previewDecoder(folder + "/vae.safetensors")
      #expect(try own.images(of: latents).first?.pixels == image.pixels)
      var weights = try Checkpoint.open(folder + "/vae.safetensors").stateDict
      weights["post_quant_conv.weight"] = weights["post_quant_conv.weight"].map { $0 / 0.18215 }
      try CheckpointWriter.write(
        weights.map { (name: $0.key, tensor: $0.value) },
        metadata: ["norm_num_groups": "2", "scaling_factor": "1.0"],
        to: folder + "/small.safetensors")
      let small = try pipeline.previewDecoder(folder + "/small.safetensors")
      let pixels = try #require(try small.images(of: latents).first).pixels
      let worst = zip(pixels, image.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 255
      #expect(worst <= 1)
    }
  }

  @Test func hasTheFamilysDefaults() throws {
    let options = SamplingOptions().settled(for: .lightningdit)
    #expect(options.sampler == .euler && options.stepCount == 249)
    #expect(options.timestepSpacing == .shifted && options.samplerOptions.timeShift == 0.3)
    #expect(options.guidance.scale == 6.7 && options.guidance.channels == .first(3))
    #expect(options.guidance.interval == GuidanceInterval(from: 0, to: 0.875))
    var chosen = SamplingOptions(sampler: .heun, guidance: Guidance(scale: 2, interval: .all))
    chosen.samplerOptions.timestepSpacing = .linspace
    chosen = chosen.settled(for: .lightningdit)
    #expect(chosen.stepCount == 25 && chosen.timestepSpacing == .linspace)
    #expect(chosen.guidance.scale == 2 && chosen.guidance.interval == .all)
    // A stochastic sampler has no shifted times.
    let sde = SamplingOptions(sampler: .eulerSDE).settled(for: .lightningdit)
    #expect(sde.timestepSpacing == .linspace)
    #expect(
      SamplingOptions().settled(for: .sit).guidance
        == Guidance(
          scale: 4, channels: .first(3), interval: .all))
  }
}
