internal import Inference
internal import Pipeline
internal import TestSupport
internal import Testing

@Suite struct PipelineLogTests {
  @Test func tellsWhatWasFoundAndChosen() throws {
    let log = LogLines()
    var config = PipelineConfig.small()
    config.scaleFactor = 0.5
    _ = try LatentDiffusionPipeline(
      config, logger: log.logger)
    let texts = log.lines
    #expect(texts.first?.contains("2 attention heads, from the file's metadata") == true)
    #expect(
      texts.dropFirst().first?.contains("the scale factor is 0.5 and the autoencoder's own is")
        == true)
    #expect(texts.last?.contains("family dit, as nothing in the file says otherwise") == true)
    #expect(texts.count == 3, "\(texts)")
  }
}
