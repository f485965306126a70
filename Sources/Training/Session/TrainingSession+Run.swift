extension TrainingSession {
  /// Takes all steps that are left, then saves what is new.
  ///
  /// - Parameters:
  ///   - shouldStop: asked in each step; the run ends after the step in which a rank says yes.
  ///   - afterEach: called after each step, for progress; throws to end the run without saving it.
  /// - Throws: what `takeStep` and `finish` throw; what `afterEach` throws.
  public func run(
    shouldStop: () -> Bool = { false }, _ afterEach: (StepReport) throws -> Void = { _ in }
  ) throws {
    while let report = try takeStep(shouldStop: shouldStop) {
      try afterEach(report)
      if report.shouldStop { break }
    }
    try finish()
  }
}
