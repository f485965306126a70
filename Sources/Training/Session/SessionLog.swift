internal import Evaluation
internal import Files
internal import Foundation
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
  /// Of the steps since they were written.
  private var errorsByNoise = NoiseLevelErrors()
  private var stepsByNoise = 0

  /// Enough rows for ten bins, in steps.
  private static let noiseInterval = 100

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

  /// Takes note of a step's errors by noise, unless it was skipped: its errors may not be finite.
  func count(_ report: StepReport) {
    guard !report.wasSkipped else { return }
    errorsByNoise.add(report.errorsByNoise)
    stepsByNoise += 1
  }

  /// Writes the metrics of a step; every `noiseInterval` steps and with the last one also the mean
  /// squared errors by noise of the steps since.
  ///
  /// - Throws: `FileError`.
  func write(
    _ report: StepReport, isLast: Bool, epoch: Double, imagesPerSecond: Double
  ) throws {
    let isDue = isLast || stepsByNoise >= SessionLog.noiseInterval
    try file?.write(
      report, errorsByNoise: isDue ? errorsByNoise : nil, epoch: epoch,
      imagesPerSecond: imagesPerSecond)
    if isDue { (errorsByNoise, stepsByNoise) = (NoiseLevelErrors(), 0) }
  }

  /// Writes and shows the figures of fresh samples.
  ///
  /// - Parameters:
  ///   - figures: of the samples.
  ///   - step: of the run.
  ///   - share: of the time that evaluations took so far.
  /// - Throws: `FileError`.
  func write(_ figures: Figures, step: Int, share: Double) throws {
    let values = figures.metrics.compactMap { metric in
      figures[metric].map { (metric.rawValue, $0) }
    }
    try file?.write(
      step: step, [("samples", .integer(figures.sampleCount))],
      values + [("evaluation_share", share)])
    let list = values.map { "\($0.0) \(String(format: "%.5g", $0.1))" }.joined(separator: ", ")
    try note(
      "step \(step): \(list), of \(figures.sampleCount) samples"
        + String(format: "; evaluations took %.1f %% of the time", 100 * share))
    for case .nonFinite(.samples, let images) in figures.notes {
      try note("step \(step): \(FigureNote.nonFinite(.samples, images: images))")
    }
  }

  /// Adds a sample grid to TensorBoard's events.
  ///
  /// - Throws: `FileError`.
  func write(png: [UInt8], width: Int, height: Int, step: Int) throws {
    try file?.write(png: png, width: width, height: height, name: "samples", step: step)
  }
}
