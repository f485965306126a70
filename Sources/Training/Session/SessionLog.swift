internal import Logging

/// The notes of a session: shown by the logger at once, and kept in `log.txt` from its opening on.
///
/// In a job of several ranks, rank 0 alone shows notes and has a `log.txt`.
final class SessionLog {
  private let logger: Logger
  private let showsNotes: Bool
  /// Notes from before the opening of the file.
  private var pending: [String] = []
  private var file: RunLog?
  private var isOpen = false

  /// A log without a file.
  init(_ logger: Logger, showsNotes: Bool) {
    self.logger = logger
    self.showsNotes = showsNotes
  }

  /// Opens the file, nil for a rank without one, and writes the notes from before.
  ///
  /// - Throws: `FileError`.
  func open(_ file: RunLog?, first: String?) throws {
    self.file = file
    isOpen = true
    if let first { try record(first) }
    try pending.forEach(record)
    pending = []
  }

  /// Shows a note and keeps it.
  ///
  /// - Throws: `FileError`.
  func note(_ text: String) throws {
    show(text)
    try record(text)
  }

  /// Shows a note.
  func show(_ text: String) {
    if showsNotes { logger.notice("\(text)") }
  }

  /// Shows a note about this rank alone, and keeps it if there is a file.
  ///
  /// - Throws: `FileError`.
  func noteOfRank(_ text: String) throws {
    logger.warning("\(text)")
    try record(text)
  }

  /// Keeps a note.
  ///
  /// - Throws: `FileError`.
  func record(_ text: String) throws {
    guard isOpen else { return pending.append(text) }
    try file?.write(text)
  }

  /// Writes the metrics of a step.
  ///
  /// - Throws: `FileError`.
  func write(_ report: StepReport, epoch: Double, imagesPerSecond: Double) throws {
    try file?.write(report, epoch: epoch, imagesPerSecond: imagesPerSecond)
  }

  /// Adds a sample grid to TensorBoard's events.
  ///
  /// - Throws: `FileError`.
  func write(png: [UInt8], width: Int, height: Int, step: Int) throws {
    try file?.write(png: png, width: width, height: height, name: "samples", step: step)
  }
}
