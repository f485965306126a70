internal import Files

/// A run of an `AutoencoderTrainer` and the folder that has all it goes on by, until it is done.
public final class AutoencoderRun {
  /// Takes the steps.
  public let trainer: AutoencoderTrainer

  private let directory: RunDirectory
  private let lock: FolderLock
  private let fingerprint: [String: String]

  /// Whether there is something to go on from in a folder, which need not be there.
  public static func isBegun(in folder: String) -> Bool {
    !RunDirectory.savedCheckpoints(of: folder).isEmpty
  }

  /// A run that begins, or goes on.
  ///
  /// - Parameters:
  ///   - trainer: at its beginning.
  ///   - folder: is made where it is missing; what it has of a run before is removed if this one begins.
  ///   - fingerprint: what the run is made of, by option; one that goes on must agree.
  ///   - goesOn: whether to go on.
  /// - Throws: `TrainingError` if another process writes to the folder, or what is there is of another
  ///   run; `FileError` and `CheckpointError` if it cannot be read.
  public init(
    _ trainer: AutoencoderTrainer, in folder: String, fingerprint: [String: String], goesOn: Bool
  ) throws {
    self.trainer = trainer
    self.fingerprint = fingerprint
    directory = try RunDirectory(folder, hasLog: false)
    lock = try directory.lock()
    let saved = RunDirectory.savedCheckpoints(of: folder)
    if goesOn {
      guard let newest = saved.first else {
        throw TrainingError("no checkpoint to go on from in '\(folder)'")
      }
      try trainer.restore(from: newest, fingerprint: fingerprint)
    } else {
      for checkpoint in saved { try Folder.remove(checkpoint.path) }
    }
  }

  /// Saves all that the run goes on by, in place of what was saved before.
  ///
  /// - Throws: `FileError`; what was saved before is then still there.
  public func save() throws {
    try trainer.save(to: directory.checkpoint(at: trainer.step), fingerprint: fingerprint)
    try directory.publish(step: trainer.step, keeping: 1)
  }

  /// Removes the folder of a run that is done.
  ///
  /// - Throws: `FileError`.
  public func finish() throws { try Folder.remove(directory.path) }
}
