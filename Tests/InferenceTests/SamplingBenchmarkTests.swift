internal import Inference
internal import Models
internal import Testing
internal import Torch

@Suite struct SamplingBenchmarkTests {
  private static let precisions =
    [Precision.fp32, .bf16] + (Processor.hasVNNI ? [.int8] : [])

  // Five pixels are no two patches of two.
  @Test(arguments: precisions) func throwsForAModelThatCannotBe(_ precision: Precision) throws {
    let config = DiTConfig(
      inputSize: 5, channelCount: 4, patchSize: 2, hiddenSize: 32, depth: 1, headCount: 2,
      mlpRatio: 4, classCount: 3, learnsVariance: true)
    #expect(throws: TorchError.self) {
      try SamplingBenchmark(
        config: config, rowCount: 2, stepCount: 1, precision: precision, mode: .graph, device: .cpu
      ).run()
    }
  }

  @Test func refusesBytesAsWritten() throws {
    let config = DiTConfig(
      inputSize: 4, channelCount: 4, patchSize: 2, hiddenSize: 32, depth: 1, headCount: 2,
      mlpRatio: 4, classCount: 3, learnsVariance: true)
    let error = #expect(throws: InferenceError.self) {
      try SamplingBenchmark(
        config: config, rowCount: 2, stepCount: 1, precision: .int8, mode: .eager, device: .cpu
      ).run()
    }
    #expect(try #require(error).message.contains("mode graph"))
  }
}
