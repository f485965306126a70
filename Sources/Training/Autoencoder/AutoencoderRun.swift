internal import Files

/// A run of an `AutoencoderTrainer`, with a folder of its state until it is done.
public final class AutoencoderRun {
  /// Takes the steps.
  public let trainer: AutoencoderTrainer

  private let directory: RunDirectory
  private let lock: FolderLock
  private let fingerprint: [String: String]

  /// Whether a folder has the state of an unfinished run; it need not exist.
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
    directory = try RunDirectory(folder, hasLog: false)
    lock = try directory.lock()
    let saved = RunDirectory.savedCheckpoints(of: folder)
    if resumes {
      guard let newest = saved.first else {
        throw TrainingError("no checkpoint to resume from in '\(folder)'")
      }
      try trainer.restore(from: newest, fingerprint: fingerprint)
    } else {
      for checkpoint in saved { try Folder.remove(checkpoint.path) }
    }
  }

  /// Saves the state, which replaces the one saved before.
  ///
  /// - Throws: `FileError`; the state saved before then stays.
  public func save() throws {
    try trainer.save(to: directory.checkpoint(at: trainer.step), fingerprint: fingerprint)
    try directory.publish(step: trainer.step, keeping: 1)
  }

  /// Removes the folder of a run that is done.
  ///
  /// - Throws: `FileError`.
  public func finish() throws { try Folder.remove(directory.path) }
}
