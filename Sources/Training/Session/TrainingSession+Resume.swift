internal import Foundation

extension TrainingSession {
  private struct Found {
    let path: String
    let state: TrainingCheckpoint.State
    let content: TrainingCheckpoint.Content
  }

  /// Resumes from a checkpoint, which rank 0 reads.
  ///
  /// - Returns: the line for `log.txt`; the logger has shown it without the path.
  /// - Throws: `TrainingError` if no checkpoint serves, or it is of another run; `LaunchError` if a rank
  ///   is lost; `FileError`.
  func resume(_ resumption: TrainingSettings.Resumption) throws -> String {
    let parallel = trainer.parallel
    var (found, failures): (Found?, [String]) = (nil, [])
    if parallel.isWriter { (found, failures) = try find(resumption) }
    let bytes = try found.map { Array(try JSONEncoder().encode($0.state)) }
    let state = try JSONDecoder().decode(
      TrainingCheckpoint.State.self, from: Data(parallel.send(bytes ?? [])))
    try TrainingCheckpoint.restore(found?.content, to: trainer.subject)
    try trainer.restore(
      state.trainer, sampleCount: state.sampleCount, sampleLimit: plan.sampleLimit)
    try data.seek(sampleCount: state.sampleCount)
    saver.resume(at: trainer.step)
    var text = "resumed at step \(trainer.step)"
    if let failure = failures.first { text += " (not from a newer one: \(failure))" }
    let (before, now) = (
      state.fingerprint[RunPlan.batchKey], plan.fingerprint[RunPlan.batchKey]
    )
    if before != now {
      text += "; \(before ?? "some") images a step before, \(now ?? "some") now"
    }
    let aside = try directory?.setAside(after: trainer.step) ?? []
    if !aside.isEmpty {
      text += "; set aside: \(aside.joined(separator: ", ")), now 'set-aside-...'"
    }
    log.show(text)
    return text + (found.map { ", from '\($0.path)'" } ?? "")
  }

  /// The newest checkpoint that can be read, and why newer ones cannot.
  private func find(
    _ resumption: TrainingSettings.Resumption
  ) throws -> (Found?, failures: [String]) {
    let candidates: [TrainingCheckpoint]
    switch resumption {
    case .checkpoint(let path): candidates = [TrainingCheckpoint(path)]
    case .newest:
      candidates = directory.map { RunDirectory.savedCheckpoints(of: $0.path) } ?? []
    }
    var failures: [String] = []
    for checkpoint in candidates {
      let (state, content): (TrainingCheckpoint.State, TrainingCheckpoint.Content)
      do {
        state = try checkpoint.state()
        try check(state, of: checkpoint.path)
        content = try checkpoint.content(for: trainer.subject, checksums: state.checksums)
      } catch let error as OtherRun {
        throw TrainingError(error.message)
      } catch {
        failures.append("\(error)")
        continue
      }
      return (Found(path: checkpoint.path, state: state, content: content), failures)
    }
    guard let first = failures.first else {
      throw TrainingError(
        .checkpointMissing,
        "no checkpoint to resume from in '\(directory?.path ?? "")/checkpoints'")
    }
    throw TrainingError("no checkpoint can be read: \(first)")
  }

  /// A checkpoint that is no reason to look for an older one.
  private struct OtherRun: Error { let message: String }

  private func check(_ state: TrainingCheckpoint.State, of path: String) throws {
    // Another number of ranks may make other batches.
    let isSameJob = state.rankCount ?? 1 == trainer.parallel.count
    if let list = state.difference(
      from: plan.fingerprint, except: isSameJob ? [] : [RunPlan.batchKey])
    {
      throw OtherRun(message: "'\(path)' is of another run: \(list)")
    }
  }
}
