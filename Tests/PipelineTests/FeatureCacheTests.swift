internal import Diffusion
internal import Inference
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FeatureCacheTests {
  private static func latents(
    _ cache: FeatureCache, _ method: SamplingMethod, steps: Int,
    mode: ExecutionMode = .graph, interval: GuidanceInterval = .all
  ) throws -> Tensor {
    let isDiscrete = [.ddim, .ddpm].contains(method)
    let pipeline = try LatentDiffusionPipeline(
      PipelineConfig(
        ditCheckpoint: isDiscrete ? SmallModel.dit : nil, autoencoder: .none, precision: .fp32,
        mode: mode, cache: cache))
    let options = SamplingOptions(
      sampler: method, stepCount: steps, guidance: Guidance(scale: 4, interval: interval))
    return try pipeline.samplingLoop(
      labels: [0, 3], options: options, generator: try pipeline.makeGenerator(seed: 7)
    ).run()
  }

  @Test(
    arguments: [SamplingMethod.ddim, .ddpm, .euler, .unipc, .dpm2MSDE], ExecutionMode.allCases)
  func isExactWithoutStepsBetween(_ method: SamplingMethod, _ mode: ExecutionMode) throws {
    let interval = try #require(GuidanceInterval(from: 0.2, to: 0.8))
    let exact = try Self.latents(.off, method, steps: 5, mode: mode, interval: interval)
    let cached = try Self.latents(
      .taylor(interval: 1), method, steps: 5, mode: mode, interval: interval)
    #expect(relativeError(cached, exact) == 0)
  }

  @Test func staysNearAndIsTheSameInBothModes() throws {
    let exact = try Self.latents(.off, .euler, steps: 30)
    let cached = try Self.latents(.taylor(interval: 2), .euler, steps: 30)
    let error = relativeNormError(cached, exact)
    #expect(error > Tolerance.trajectory && error < 0.05, "\(error)")
    let eager = try Self.latents(.taylor(interval: 2), .euler, steps: 30, mode: .eager)
    #expect(relativeError(eager, cached) < 10 * Tolerance.trajectory)
  }

  @Test func namesTheSamplersThatItFits() throws {
    let error = try #require(
      #expect(throws: PipelineError.self) {
        try Self.latents(.taylor(interval: 3), .heun, steps: 20)
      })
    #expect(error.reason == .unsuitedCache && error.isSetting)
    #expect(error.message.contains("euler, unipc, dpm++2m"), "\(error)")
  }
}
