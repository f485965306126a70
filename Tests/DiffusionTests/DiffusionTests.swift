internal import Diffusion
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct NoiseScheduleTests {
  @Test func hasTheReferenceTables() throws {
    let values = try GoldenValues("diffusion")
    let schedule = NoiseSchedule.linear
    let tables: [(String, [Double])] = [
      ("betas", schedule.betas), ("alphas_cumprod", schedule.alphaBars),
      ("posterior_variance", schedule.posteriorVariances),
      ("posterior_log_variance", schedule.posteriorLogVariances),
      ("fixed_large_log_variance", schedule.fixedLargeLogVariances),
      ("posterior_mean_coef1", schedule.posteriorMeanX0Coefficients),
      ("posterior_mean_coef2", schedule.posteriorMeanXtCoefficients),
    ]
    for (name, table) in tables {
      #expect(relativeError(Tensor(table), values[name]) < Tolerance.float64, "\(name)")
    }
  }

  @Test(arguments: [1, 2, 7, 10, 50, 250, 999, 1000]) func takesTheReferenceTimesteps(
    _ count: Int
  ) throws {
    let values = try GoldenValues("diffusion")
    let schedule = try NoiseSchedule.linear.respaced(to: count)
    #expect(schedule.timesteps == values["timesteps.\(count)"].elements(Int.self))
    #expect(
      relativeError(Tensor(schedule.betas), values["betas.\(count)"]) < Tolerance.float64)
  }

  @Test(arguments: [-1, 0, 1001]) func refusesCountsOutOfRange(_ count: Int) throws {
    let error = #expect(throws: DiffusionError.self) {
      try NoiseSchedule.linear.respaced(to: count)
    }
    #expect(try #require(error).message.contains("from 1 to 1000"))
  }
}

@Suite struct SamplerTests {
  @Test(arguments: [("first", 9), ("middle", 5), ("last", 0)]) func takesTheReferenceStep(
    _ name: String, _ place: Int
  ) throws {
    let values = try GoldenValues("diffusion")
    let schedule = try NoiseSchedule.linear.respaced(to: 10)
    let (x, noise) = (values["step.x"], values["step.noise"])
    func step(_ sampler: Sampler, learned: Bool, eta: Double = 0) -> Tensor {
      let output = values[learned ? "step.output" : "step.output_fixed"]
      return GaussianDiffusion(schedule, learnsVariance: learned)
        .step(sampler, x, output: output, step: place, noise: noise, eta: eta)
    }
    let results = [
      ("ddpm_learned", step(.ddpm, learned: true)), ("ddpm_fixed", step(.ddpm, learned: false)),
      ("ddim_eta0", step(.ddim, learned: true)),
      ("ddim_eta0.5", step(.ddim, learned: true, eta: 0.5)),
    ]
    for (method, result) in results {
      #expect(
        relativeError(result, values["step.\(method).\(name)"]) < Tolerance.float32, "\(method)")
    }
  }

  @Test func drawsWhatPyTorchDraws() throws {
    let values = try GoldenValues("dit-even")
    let generator = try Generator(seed: 42)
    for draw in 0...3 {
      let expected = values["randn.seed42.\(draw)"]
      let drawn = Tensor.randn(expected.shape, generator: generator)
      #expect(relativeError(drawn, expected) < Tolerance.random)
    }
  }
}
