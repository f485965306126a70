internal import Logging
internal import Synchronization

/// What was logged.
final class LogLines: Sendable {
  private let texts = Mutex<[String]>([])

  /// The messages so far.
  var lines: [String] { texts.withLock { $0 } }

  /// A logger to this list.
  var logger: Logger { Logger(label: "test") { _ in Recorder(lines: self) } }

  private struct Recorder: LogHandler {
    let lines: LogLines
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.texts.withLock { $0.append(event.message.description) } }
  }
}
