internal import Diffusion
internal import Inference
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct RunnerTests {
  private func runner(_ values: GoldenValues, _ mode: ExecutionMode) throws -> any DiTRunner {
    let weights = values.weights
    return try makeRunner(mode, try values.config.model, precision: .fp32, device: .cpu) {
      ParameterStore(.load(weights))
    }
  }

  @Test(arguments: DiTTestNames.all, ExecutionMode.allCases)
  func predictsWhatTheReferencePredicts(_ name: String, _ mode: ExecutionMode) throws {
    let values = try GoldenValues(name)
    let (x, y) = (values["x"], values["y"].elements(Int.self))
    let timesteps = values["t"].elements(Int.self)
    let network = try runner(values, mode).bind(labels: y, timesteps: timesteps.sorted())
    for (row, timestep) in timesteps.enumerated() {
      let output = network(x, timestep)
      let expected = values["output"][row..<row + 1]
      #expect(relativeError(output[row..<row + 1], expected) < Tolerance.float32)
    }
  }

  @Test(
    arguments: [
      ("ddpm", Sampler.ddpm, 4.0, 0.0), ("ddpm_unguided", .ddpm, 1, 0), ("ddim", .ddim, 4, 0),
      ("ddim_eta0.7", .ddim, 4, 0.7),
    ], ExecutionMode.allCases)
  func followsTheReferenceTrajectory(
    _ run: (name: String, sampler: Sampler, scale: Double, eta: Double), _ mode: ExecutionMode
  ) throws {
    let values = try GoldenValues("dit-even")
    let expected = values["trajectory.\(run.name)"]
    let labels = [1, 7]
    let guidance = Guidance(scale: run.scale)
    let generator = try Generator(seed: 42)
    let start = Tensor.randn([2, 4, 8, 8], generator: generator)
    #expect(relativeError(start, expected[0]) < Tolerance.random)
    let schedule = try NoiseSchedule.linear.respaced(to: 10)
    let batchedLabels = guidance.rows(for: labels, nullClass: 10)
    let network = try runner(values, mode).bind(
      labels: batchedLabels, timesteps: schedule.timesteps)
    let steps = Denoising(
      GaussianDiffusion(schedule, learnsVariance: true), sampler: run.sampler, eta: run.eta,
      from: start, noiseRowCount: batchedLabels.count, noise: .shared(generator),
      denoiser: guidance.denoiser(noiseChannelCount: 4, over: network))
    var count = 0
    while let step = try steps.next() {
      count += 1
      #expect(relativeError(step.latents, expected[count]) < Tolerance.trajectory, "step \(count)")
    }
    #expect(count == 10)
  }
}

enum DiTTestNames {
  static let all = ["dit-even", "dit-odd", "dit-fixed"]
}
