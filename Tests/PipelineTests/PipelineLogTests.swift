internal import Inference
internal import Logging
internal import Pipeline
internal import Synchronization
internal import Testing

@Suite struct PipelineLogTests {
  @Test func tellsWhatWasFoundAndChosen() throws {
    let lines = Lines()
    var logger = Logger(label: "test") { _ in Recorder(lines: lines) }
    logger.logLevel = .info
    _ = try LatentDiffusionPipeline(
      PipelineConfig(scaleFactor: 0.5, precision: .fp32), logger: logger)
    let texts = lines.texts.withLock { $0 }
    #expect(texts.first?.contains("3 attention heads, from the file's metadata") == true)
    #expect(texts.last?.contains("the scale factor is 0.5 and the autoencoder's own is") == true)
    #expect(texts.count == 2, "\(texts)")
  }
}

/// What was logged.
private final class Lines: Sendable {
  let texts = Mutex<[String]>([])
}

private struct Recorder: LogHandler {
  let lines: Lines
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { lines.texts.withLock { $0.append(event.message.description) } }
}
