extension RunDirectory {
  /// Opens the folder of a new run, or of one that is resumed.
  ///
  /// - Throws: `TrainingError` if there is no run to resume, or one already; `FileError`.
  init(_ output: TrainingSettings.OutputSettings) throws {
    // Before anything is made.
    switch output.resumption {
    case nil: break
    case .checkpoint(let path): _ = try TrainingCheckpoint(path).state()
    case .newest:
      guard RunDirectory.isRun(output.path) else {
        throw TrainingError(.notARun, "'\(output.path)' is no folder of a run")
      }
    }
    try self.init(output.path)
    guard output.resumption != nil || savedSteps.isEmpty else {
      throw TrainingError(.runExists, "'\(path)' holds a run already")
    }
  }
}
