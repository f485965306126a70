internal import Checkpoint
internal import Diffusion
internal import Inference
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct RepeatedSamplingTests {
  private static func latents(_ pipeline: LatentDiffusionPipeline) throws -> Tensor {
    let options = SamplingOptions(sampler: .ddim, stepCount: 3)
    let steps = try pipeline.denoising(
      labels: [0, 3], options: options, generator: try pipeline.makeGenerator(seed: 7))
    return try #require(steps.reduce(nil) { $1.latents })
  }

  @Test func givesTheSameAgainAndInAnotherProcess() throws {
    let config = PipelineConfig(precision: .fp32)
    let pipeline = try LatentDiffusionPipeline(config)
    let first = try RepeatedSamplingTests.latents(pipeline)
    #expect(relativeError(try RepeatedSamplingTests.latents(pipeline), first) == 0)
    let another = try LatentDiffusionPipeline(config)
    #expect(relativeError(try RepeatedSamplingTests.latents(another), first) == 0)
    try withTemporaryFolder { folder in
      let result = try dit(
        [
          "sample", "--class-labels", "0,3", "--sampler", "ddim", "--sampling-steps", "3",
          "--seed", "7", "--precision", "fp32", "--save-latents", "latents", "--output-path", "out",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      let file = try Checkpoint.open(folder + "/latents")
      let other = try #require(file.tensor("latents"))
      // The program runs on one thread, and sums over threads round differently.
      #expect(relativeError(other, first) < Tolerance.trajectory)
    }
  }
}
