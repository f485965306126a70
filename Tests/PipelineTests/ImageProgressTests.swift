internal import Checkpoint
internal import Diffusion
internal import ImageData
internal import Inference
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct ImageProgressTests {
  @Test func tellsOfStepsAndImages() throws {
    let pipeline = try LatentDiffusionPipeline(PipelineConfig(precision: .fp32))
    let options = SamplingOptions(sampler: .euler, stepCount: 2)
    var (steps, decoded) = ([Int](), [Int]())
    var preview: [RGBImage] = []
    let images = try pipeline.images(
      labels: [1, 3], options: options, generator: try pipeline.makeGenerator(seed: 1)
    ) { event in
      switch event {
      case .step(let step):
        steps.append(step.index)
        if step.isLast { preview = try pipeline.decode(try step.predictedData()) }
      case .decoded(let count, let all):
        decoded.append(count)
        #expect(all == 2)
      }
    }
    #expect(steps == [0, 1] && decoded == [1, 2] && images.count == 2 && preview.count == 2)
    let loop = try pipeline.samplingLoop(
      labels: [1, 3], options: options, generator: try pipeline.makeGenerator(seed: 1))
    let latents = try loop.run()
    #expect(try pipeline.decode(latents).map(\.pixels) == images.map(\.pixels))
  }

  @Test func stopsWhereTheCallerThrows() throws {
    struct Stop: Error {}
    let pipeline = try LatentDiffusionPipeline(PipelineConfig(precision: .fp32))
    #expect(throws: Stop.self) {
      try pipeline.images(labels: [1], generator: try pipeline.makeGenerator(seed: 1)) { _ in
        throw Stop()
      }
    }
  }

  @Test func makesLatentsAlone() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/dit.safetensors"
      try CheckpointWriter.write(
        try GoldenValues("dit-even").weights.map { ($0.key, $0.value) }, to: path)
      let pipeline = try LatentDiffusionPipeline(
        PipelineConfig(
          ditCheckpoint: path, autoencoder: .none, imageSize: 64, headCount: 2, precision: .fp32))
      #expect(!pipeline.makesImages && pipeline.imageSize == 8)
      let latents = try pipeline.samplingLoop(
        labels: [1], options: SamplingOptions(sampler: .ddim, stepCount: 1),
        generator: try pipeline.makeGenerator(seed: 1)
      ).run()
      #expect(latents.shape == [1, 4, 8, 8])
      let error = try #require(
        #expect(throws: PipelineError.self) { try pipeline.decode(latents) })
      #expect(error.reason == .missingAutoencoder)
    }
  }
}
