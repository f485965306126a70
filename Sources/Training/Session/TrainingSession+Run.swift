extension TrainingSession {
  /// Takes all steps that are left, then saves what is new.
  ///
  /// - Parameters:
  ///   - afterEach: called after each step, for progress; throws to end the run without saving it.
  ///   - shouldStop: asked in each step; the run ends after the step in which a rank says yes.
  /// - Throws: what `takeStep` and `finish` throw; what `afterEach` throws.
  public func run(
    _ afterEach: (StepReport) throws -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws {
    while let report = try takeStep(shouldStop: shouldStop) {
      try afterEach(report)
      if report.shouldStop { break }
    }
    try finish()
  }
}
