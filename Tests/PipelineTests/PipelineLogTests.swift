internal import Inference
internal import Pipeline
internal import Testing

@Suite struct PipelineLogTests {
  @Test func tellsWhatWasFoundAndChosen() throws {
    let log = LogLines()
    _ = try LatentDiffusionPipeline(
      PipelineConfig(scaleFactor: 0.5, precision: .fp32), logger: log.logger)
    let texts = log.lines
    #expect(texts.first?.contains("3 attention heads, from the file's metadata") == true)
    #expect(texts.last?.contains("the scale factor is 0.5 and the autoencoder's own is") == true)
    #expect(texts.count == 2, "\(texts)")
  }
}
