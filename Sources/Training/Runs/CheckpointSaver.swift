internal import Checkpoint
internal import Foundation
internal import Models
internal import Parallel
internal import Synchronization
internal import Torch

/// Saves the checkpoints of a run, one at a time, on a thread of its own while training continues.
final class CheckpointSaver {
  /// The step of the newest checkpoint that was saved, or is being written.
  private(set) var savedStep = 0
  /// The longest time that one save held training up, in seconds.
  private(set) var longestPause = 0.0

  private let directory: RunDirectory?
  private let keepCount: Int
  private let metadata: [String: String]
  private var lastPause = 0.0
  private var thread: Thread?
  private var isCopying = false
  private let outcome = Outcome()
  private var hasToldLinkProblem = false

  /// What the thread leaves.
  private final class Outcome: Sendable {
    let failure = Mutex<String?>(nil)
    /// Why there is no link to the last checkpoint.
    let linkProblem = Mutex<String?>(nil)
    let copied = DispatchSemaphore(value: 0)
    let done = DispatchSemaphore(value: 0)
  }

  /// A saver that has saved nothing.
  ///
  /// - Parameters:
  ///   - directory: the run folder; nil for ranks that do not write.
  ///   - keepCount: how many checkpoints are kept.
  ///   - metadata: more texts for the files of weights.
  init(_ directory: RunDirectory?, keepCount: Int, metadata: [String: String] = [:]) {
    self.directory = directory
    self.keepCount = keepCount
    self.metadata = metadata
  }

  /// Starts from a checkpoint that is there already.
  func resume(at step: Int) { savedStep = step }

  /// Starts to save once the checkpoint before is written. All ranks call it together.
  ///
  /// - Parameters:
  ///   - trainer: what to save.
  ///   - fingerprint: what the run is made of.
  ///   - classNames: by number.
  ///   - keepsAll: whether older checkpoints stay, whatever their number.
  ///   - beforeStep: whether a step may follow before all is written; the tensors are then copied, which takes
  ///     as much memory as the checkpoint.
  /// - Returns: why the save before failed; nil if it did not.
  /// - Throws: `TorchError` if the state of the random numbers cannot be read; `LaunchError` if a rank
  ///   is lost.
  func save(
    _ trainer: Trainer, fingerprint: [String: String], classNames: [String], keepsAll: Bool,
    beforeStep: Bool
  ) throws -> String? {
    lastPause = 0
    return try pausing {
      let step = trainer.step
      try trainer.parallel.enter(.save, step: step)
      let metadata = [
        "class_names": ClassNameList.encode(classNames),
        "num_classes": String(trainer.model.dit.config.classCount),
        "step": String(step),
      ].merging(trainer.model.dit.config.metadata) { $1 }.merging(metadata) { $1 }
      let state = TrainingCheckpoint.State(
        trainer: try trainer.state(), sampleCount: trainer.sampleCount, fingerprint: fingerprint,
        rankCount: trainer.parallel.count)
      // Two copies at a time would need twice the memory.
      let failure = wait().map { "a checkpoint could not be saved: \($0)" }
      let snapshot = try TrainingCheckpoint.snapshot(trainer, state: state, metadata: metadata)
      savedStep = step
      guard let snapshot, let directory else { return failure }
      let keepCount = keepsAll ? Int.max : keepCount
      write(
        snapshot, to: directory.checkpoint(at: step), copies: beforeStep,
        holding: trainer.parallel.hold()
      ) {
        try directory.publish(step: step, keeping: keepCount)
      }
      return failure
    }
  }

  private func write(
    _ snapshot: TrainingCheckpoint.Snapshot, to checkpoint: TrainingCheckpoint, copies: Bool,
    holding hold: RankGroup.Hold?, publish: @escaping @Sendable () throws -> String?
  ) {
    let outcome = outcome
    let path = checkpoint.path
    let thread = Thread {
      do {
        let content = try {
          defer { outcome.copied.signal() }
          return copies ? try snapshot.copied() : snapshot
        }()
        try TrainingCheckpoint(path).write(content)
        if let problem = try publish() { outcome.linkProblem.withLock { $0 = problem } }
      } catch {
        outcome.failure.withLock { $0 = "\(error)" }
      }
      hold?.release()
      outcome.done.signal()
    }
    self.thread = thread
    isCopying = true
    thread.start()
  }

  /// Waits until the trainer may change the tensors that are being saved.
  func waitForCopy() {
    guard isCopying else { return }
    pausing {
      outcome.copied.wait()
      isCopying = false
    }
  }

  /// Waits until the checkpoint is written.
  ///
  /// - Returns: why that failed; nil if it did not.
  func wait() -> String? {
    guard thread != nil else { return nil }
    if isCopying { outcome.copied.wait() }
    isCopying = false
    outcome.done.wait()
    thread = nil
    return outcome.failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
  }

  /// Why there is no link to the last checkpoint, if a checkpoint was written without it; nil after the
  /// first time.
  func takeLinkProblem() -> String? {
    guard !hasToldLinkProblem, let problem = outcome.linkProblem.withLock({ $0 }) else {
      return nil
    }
    hasToldLinkProblem = true
    return problem
  }

  /// Adds the duration of `body` to the pause of the last save.
  private func pausing<Result>(_ body: () throws -> Result) rethrows -> Result {
    let clock = ContinuousClock()
    let started = clock.now
    defer {
      lastPause += started.duration(to: clock.now).inSeconds
      longestPause = max(longestPause, lastPause)
    }
    return try body()
  }
}
