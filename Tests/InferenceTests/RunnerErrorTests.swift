internal import Inference
internal import Layers
internal import Models
internal import Testing
internal import Torch

@Suite struct RunnerErrorTests {
  private static let precisions =
    [Precision.fp32, .bf16] + (Device.cpu.capabilities.int8 ? [.int8] : [])

  private func runner(
    _ mode: ExecutionMode, _ config: DiTConfig, precision: Precision
  ) throws -> any DiTRunner {
    let generator = try Generator(seed: 0)
    return try makeRunner(mode, config, precision: precision, device: .cpu) {
      ParameterStore(.initialize(generator))
    }
  }

  // Five pixels are no two patches of two.
  @Test(arguments: precisions) func throwsForAModelThatCannotBe(_ precision: Precision) throws {
    let config = DiTConfig(
      inputSize: 5, channelCount: 4, patchSize: 2, hiddenSize: 32, depth: 1, headCount: 2,
      mlpRatio: 4, classCount: 3, learnsVariance: true)
    #expect(throws: TorchError.self) {
      try withTorchErrors {
        let network = try runner(.graph, config, precision: precision)
          .bind(labels: [0, 3], times: [0])
        return network(.zeros([2, 4, 5, 5]), 0)
      }
    }
  }

  @Test func refusesInt8InEagerMode() throws {
    let config = DiTConfig(
      inputSize: 4, channelCount: 4, patchSize: 2, hiddenSize: 32, depth: 1, headCount: 2,
      mlpRatio: 4, classCount: 3, learnsVariance: true)
    let error = #expect(throws: InferenceError.self) {
      try runner(.eager, config, precision: .int8)
    }
    #expect(try #require(error).reason == .needsPacking)
  }
}
