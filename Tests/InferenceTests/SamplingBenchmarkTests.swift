internal import Inference
internal import Models
internal import Testing
internal import Torch

@Suite struct SamplingBenchmarkTests {
  // Five pixels are no two patches of two.
  @Test func throwsForAModelThatCannotBe() throws {
    let config = DiTConfig(
      inputSize: 5, channelCount: 4, patchSize: 2, hiddenSize: 32, depth: 1, headCount: 2,
      mlpRatio: 4, classCount: 3, learnsVariance: true)
    #expect(throws: TorchError.self) {
      try SamplingBenchmark(
        config: config, rowCount: 2, stepCount: 1, precision: .fp32, mode: .graph, device: .cpu
      ).run()
    }
  }
}
