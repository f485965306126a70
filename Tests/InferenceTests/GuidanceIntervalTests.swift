internal import Diffusion
internal import Foundation
internal import Inference
internal import Layers
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct GuidanceIntervalTests {
  private static let labels = [1, 7]
  private static let nullClass = 10

  private func runner(_ values: GoldenValues, _ mode: ExecutionMode) throws -> any DiTRunner {
    let weights = values.weights
    return try makeRunner(mode, try values.config.model, precision: .fp32, device: .cpu) {
      ParameterStore(.load(weights))
    }
  }

  private func latents(
    _ runner: any DiTRunner, _ guidance: Guidance, steps: Int = 10
  ) throws -> Tensor {
    try SamplingOptions(sampler: .ddim, stepCount: steps, guidance: guidance).loop(
      labels: Self.labels, nullClass: Self.nullClass, shape: [4, 8, 8],
      process: .ddpm(learnsVariance: true), noise: .perBatch(try Generator(seed: 42)),
      device: .cpu, network: runner.bind
    ).run()
  }

  /// DDIM with ten steps, written out, over networks with one kind of row each (Song et al. 2021,
  /// equation 12; Kynkäänniemi et al. 2024, equation 6).
  private func written(
    _ runner: any DiTRunner, scale: Double, guidedChannels: Int, _ isGuided: (Double) -> Bool
  ) throws -> Tensor {
    let conditional = runner.bind(labels: Self.labels, times: [])
    let null = runner.bind(labels: [Self.nullClass, Self.nullClass], times: [])
    let alphaBars = NoiseSchedule.linear.alphaBars
    var x = Tensor.randn([2, 4, 8, 8], generator: try Generator(seed: 42))
    for time in stride(from: 999, through: 0, by: -111) {
      let output = conditional(x, Double(time)).cloned
      var noise = output.narrowed(axis: 1, start: 0, count: 4)
      if isGuided(Double(time) / 1000) {
        let other = null(x, Double(time)).narrowed(axis: 1, start: 0, count: guidedChannels)
        let own = output.narrowed(axis: 1, start: 0, count: guidedChannels)
        let rest = output.narrowed(axis: 1, start: guidedChannels, count: 4 - guidedChannels)
        noise = concatenated([other + (own - other) * scale, rest], axis: 1)
      }
      let now = alphaBars[time]
      let next = time > 0 ? alphaBars[time - 111] : 1
      let x0 = (x - noise * (1 - now).squareRoot()) / now.squareRoot()
      x = x0 * next.squareRoot() + noise * (1 - next).squareRoot()
    }
    return x
  }

  @Test(arguments: ExecutionMode.allCases, [GuidedChannels.first(3), .all])
  func followsALoopWrittenOut(_ mode: ExecutionMode, _ channels: GuidedChannels) throws {
    let runner = try runner(try GoldenValues("dit-even"), mode)
    let interval = try #require(GuidanceInterval(from: 0.222, to: 0.666))
    let expected = try withoutGradients {
      try written(runner, scale: 4, guidedChannels: channels == .all ? 4 : 3) {
        // The borders are timesteps.
        $0 > 0.2219 && $0 < 0.6661
      }
    }
    let guidance = Guidance(scale: 4, channels: channels, interval: interval)
    #expect(
      relativeError(try latents(runner, guidance), expected) < Tolerance.trajectory)
    // Guidance at all times is something else.
    let always = try latents(runner, Guidance(scale: 4, channels: channels))
    #expect(relativeError(always, expected) > 0.01)
  }

  /// A network that is bound to all rows predicts for the first ones alone.
  @Test(arguments: ExecutionMode.allCases) func predictsForTheFirstRows(
    _ mode: ExecutionMode
  ) throws {
    let runner = try runner(try GoldenValues("dit-even"), mode)
    let x = Tensor.randn([2, 4, 8, 8], generator: try Generator(seed: 1))
    let all = runner.bind(labels: [1, 7, 10, 10], times: [500])
    let few = runner.bind(labels: [1, 7], times: [500])
    #expect(relativeError(all(x, 500), few(x, 500)) < Tolerance.float32)
    let doubled = all(concatenated([x, x]), 500)
    #expect(relativeError(doubled[0..<2], few(x, 500)) < Tolerance.float32)
    #expect(relativeError(doubled[2..<4], few(x, 500)) > 0.01)
  }
}
