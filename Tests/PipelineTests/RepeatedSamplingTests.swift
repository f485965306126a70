internal import Checkpoint
internal import Diffusion
internal import Inference
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct RepeatedSamplingTests {
  private static func latents(
    _ pipeline: LatentDiffusionPipeline, labels: [Int] = [0, 3], stepCount: Int = 3
  ) throws -> Tensor {
    let options = SamplingOptions(sampler: .ddim, stepCount: stepCount)
    return try pipeline.samplingLoop(
      labels: labels, options: options, generator: try pipeline.makeGenerator(seed: 7)
    ).run()
  }

  @Test func givesTheSameAgainAndInAnotherProcess() throws {
    let config = PipelineConfig.small()
    let pipeline = try LatentDiffusionPipeline(config)
    let first = try RepeatedSamplingTests.latents(pipeline)
    // What another run leaves behind must not be seen.
    _ = try RepeatedSamplingTests.latents(pipeline, labels: [1, 1, 2], stepCount: 2)
    #expect(relativeError(try RepeatedSamplingTests.latents(pipeline), first) == 0)
    let another = try LatentDiffusionPipeline(config)
    #expect(relativeError(try RepeatedSamplingTests.latents(another), first) == 0)
    try withTemporaryFolder { folder in
      let result = try dit(
        [
          "sample", "--class-labels", "0,3", "--sampler", "ddim", "--sampling-steps", "3",
          "--seed", "7", "--precision", "fp32", "--save-latents", "latents", "--output-path", "out",
        ] + SmallModel.options, in: folder)
      #expect(result.status == 0, "\(result.errors)")
      let file = try Checkpoint.open(folder + "/latents")
      let other = try #require(file.tensor("latents"))
      // The program runs on one thread, and sums over threads round differently.
      #expect(relativeError(other, first) < Tolerance.trajectory)
    }
  }

  /// Above 1, more noise would be added than the next step has.
  @Test(arguments: [-0.1, 1.000001, 1.1, 1000, .infinity, .nan])
  func refusesAShareOfNoiseOutsideItsRange(_ eta: Double) throws {
    let pipeline = try LatentDiffusionPipeline(.small())
    let options = SamplingOptions(
      sampler: .ddim, stepCount: 5, samplerOptions: SamplerOptions(eta: eta))
    let error = #expect(throws: PipelineError.self) {
      try pipeline.samplingLoop(
        labels: [0], options: options, generator: try pipeline.makeGenerator(seed: 7))
    }
    #expect(error?.message.contains("eta must be from 0 to 1") == true)
  }

  @Test func stopsBetweenImages() throws {
    let pipeline = try LatentDiffusionPipeline(.small())
    let latents = try RepeatedSamplingTests.latents(pipeline, stepCount: 1)
    var calls = 0
    #expect(throws: CancellationError.self) {
      try pipeline.decode(latents) {
        calls += 1
        if calls == 2 { throw CancellationError() }
      }
    }
    #expect(calls == 2)
    #expect(try pipeline.decode(latents).count == 2)
  }
}
