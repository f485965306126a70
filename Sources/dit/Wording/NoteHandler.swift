internal import Logging
internal import Parallel

/// Prints what libraries log as notes: the text alone, one line on standard error.
struct NoteHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { note(event.message.description) }

  /// Has all loggers of this process print notes; once, before any is made.
  static func bootstrap() { LoggingSystem.bootstrap { _ in NoteHandler() } }
}

extension Logger {
  /// Prints notes to the user, in a job of several processes those of rank 0 alone.
  static func notes(of ranks: RankGroup? = nil) -> Logger {
    guard ranks.isRankZero else {
      return Logger(label: "dit") { _ in SwiftLogNoOpLogHandler() }
    }
    return Logger(label: "dit")
  }
}
