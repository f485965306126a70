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
    let times = values["t"].elements(Double.self)
    let network = try runner(values, mode).bind(labels: y, times: times)
    for (row, time) in times.enumerated() {
      let output = network(x, time)
      let expected = values["output"][row..<row + 1]
      #expect(relativeError(output[row..<row + 1], expected) < Tolerance.float32)
    }
  }

  /// Samplers may come back to a time, ask between timesteps, and ask for times that nobody announced.
  @Test func servesTimesInAnyOrder() throws {
    let values = try GoldenValues("dit-even")
    let (x, y) = (values["x"], values["y"].elements(Int.self))
    let packed = try runner(values, .graph).bind(labels: y, times: [900, 500.25, 500.25, 100])
    let eager = try runner(values, .eager).bind(labels: y, times: [])
    for time in [900, 500.25, 900, 700.5, 100, 700.5, 333, 500.25] {
      #expect(relativeError(packed(x, time), eager(x, time)) < Tolerance.float32, "\(time)")
    }
    // A fraction of a timestep is seen.
    #expect(relativeError(packed(x, 500.25), packed(x, 500)) > 0)
  }

  @Test(
    arguments: [
      ("ddpm", SamplingMethod.ddpm, 4.0, 0.0), ("ddpm_unguided", .ddpm, 1, 0),
      ("ddim", .ddim, 4, 0),
      ("ddim_eta0.7", .ddim, 4, 0.7),
    ], ExecutionMode.allCases)
  func followsTheReferenceTrajectory(
    _ run: (name: String, sampler: SamplingMethod, scale: Double, eta: Double),
    _ mode: ExecutionMode
  ) throws {
    let values = try GoldenValues("dit-even")
    let expected = values["trajectory.\(run.name)"]
    let start = Tensor.randn([2, 4, 8, 8], generator: try Generator(seed: 42))
    #expect(relativeError(start, expected[0]) < Tolerance.random)
    let options = SamplingOptions(
      sampler: run.sampler, stepCount: 10, samplerOptions: SamplerOptions(eta: run.eta),
      guidance: Guidance(scale: run.scale))
    let steps = try options.loop(
      labels: [1, 7], nullClass: 10, shape: [4, 8, 8],
      process: .ddpm(learnsVariance: true), noise: .perBatch(try Generator(seed: 42)),
      device: .cpu, network: try runner(values, mode).bind)
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
