extension RunDirectory {
  /// Opens the folder of a new run, or of one that is resumed.
  ///
  /// - Throws: `TrainingError` if a new run finds one there; `FileError`.
  init(_ output: TrainingSettings.OutputSettings) throws {
    // Before anything is made.
    if case .checkpoint(let path) = output.resumption { _ = try TrainingCheckpoint(path).state() }
    guard output.resumption != nil || RunDirectory.savedCheckpoints(of: output.path).isEmpty else {
      throw TrainingError(.runExists, "'\(output.path)' holds a run already")
    }
    try self.init(output.path)
  }
}

extension TrainingSettings.OutputSettings {
  /// Begins anew if the run to resume has no checkpoint yet, as after a launcher's early restart. All
  /// ranks call it together, and do what rank 0 finds.
  ///
  /// - Throws: `LaunchError` if a rank is lost; what `note` throws.
  mutating func settle(_ parallel: DataParallel, note: (String) throws -> Void) throws {
    guard resumption == .newest else { return }
    let isEmpty = parallel.isWriter && RunDirectory.savedCheckpoints(of: path).isEmpty
    guard try parallel.send([isEmpty ? 1 : 0]) == [1] else { return }
    resumption = nil
    try note("'\(path)' has no checkpoint to resume from: the run begins anew")
  }
}
