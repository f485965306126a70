internal import Files
internal import Foundation
public import ImageData

/// A run of an `AutoencoderTrainer`, with a folder for its state, metrics and reconstructions.
public final class AutoencoderRun {
  /// Takes the steps.
  public let trainer: AutoencoderTrainer
  /// The folder.
  public var path: String { directory.path }

  private let directory: RunDirectory
  private let lock: FolderLock
  private let fingerprint: [String: String]
  private let log: RunLog
  private var savedStep = 0

  /// Whether a folder has the state of a run; it need not exist.
  public static func isBegun(in folder: String) -> Bool {
    !RunDirectory.savedCheckpoints(of: folder).isEmpty
  }

  /// Starts or resumes a run.
  ///
  /// - Parameters:
  ///   - trainer: before its first step.
  ///   - folder: made if it is missing. A new run removes the state of a run before.
  ///   - fingerprint: what the run is made of, by option; a resumed run must agree.
  ///   - resumes: whether to resume.
  /// - Throws: `FileError` if another process writes to the folder; `TrainingError` if it is of another run;
  ///   `FileError` and `CheckpointError` if it cannot be read.
  public init(
    _ trainer: AutoencoderTrainer, in folder: String, fingerprint: [String: String], resumes: Bool
  ) throws {
    self.trainer = trainer
    self.fingerprint = fingerprint
    directory = try RunDirectory(folder)
    lock = try directory.lock()
    let saved = RunDirectory.savedCheckpoints(of: folder)
    if resumes {
      guard let newest = saved.first else {
        throw TrainingError("no checkpoint to resume from in '\(folder)'")
      }
      try trainer.restore(from: newest, fingerprint: fingerprint)
      savedStep = trainer.step
    } else {
      for checkpoint in saved { try Folder.remove(checkpoint.path) }
    }
    log = try RunLog(directory, after: trainer.step)
  }

  /// Takes the next step, and writes its numbers to `metrics.jsonl` and TensorBoard's events.
  ///
  /// - Throws: what the trainer throws; `FileError`.
  public func takeStep() throws -> AutoencoderTrainer.Report {
    let report = try trainer.takeStep()
    try log.write(
      step: report.step, [],
      [
        ("loss", report.loss), ("psnr", report.signalToNoise), ("lr", report.learningRate),
        ("seconds", report.seconds),
      ])
    return report
  }

  /// Saves the state, which replaces the one saved before.
  ///
  /// - Throws: `FileError`; the state saved before then stays.
  public func save() throws {
    guard trainer.step > savedStep else { return }
    try trainer.save(to: directory.checkpoint(at: trainer.step), fingerprint: fingerprint)
    try directory.publish(step: trainer.step, keeping: 1)
    savedStep = trainer.step
  }

  /// Draws images and, below them, what the autoencoder makes of them, to `samples/step-000500.png`.
  ///
  /// - Parameter images: of the trained size; at least one.
  /// - Throws: `FileError`; `TorchError` if memory does not suffice.
  public func drawReconstructions(of images: [RGBImage]) throws {
    let grid = ImageGrid.grid(
      images + (try trainer.reconstructions(of: images)), columns: images.count)
    let png = try grid.png()
    let file = directory.path + "/samples/\(String(format: "step-%06d", trainer.step)).png"
    try png.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: file) }
    try log.write(
      png: png, width: grid.width, height: grid.height, name: "reconstructions",
      step: trainer.step)
  }
}
