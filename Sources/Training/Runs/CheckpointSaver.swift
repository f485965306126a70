internal import Foundation
internal import Parallel
internal import Synchronization

/// Writes checkpoints on a thread of its own, one at a time, while training goes on.
final class CheckpointSaver {
  private var thread: Thread?
  private var isCopying = false
  private let outcome = Outcome()

  /// What the thread leaves.
  private final class Outcome: Sendable {
    let failure = Mutex<String?>(nil)
    let copied = DispatchSemaphore(value: 0)
    let done = DispatchSemaphore(value: 0)
  }

  /// Starts to copy and write; whoever calls has waited for what was being written.
  ///
  /// - Parameters:
  ///   - snapshot: what to write.
  ///   - checkpoint: where.
  ///   - hold: released once all is done.
  ///   - publish: called once it is whole.
  func write(
    _ snapshot: TrainingCheckpoint.Snapshot, to checkpoint: TrainingCheckpoint,
    holding hold: RankGroup.Hold?, publish: @escaping @Sendable () throws -> Void
  ) {
    let outcome = outcome
    let path = checkpoint.path
    let thread = Thread {
      do {
        let copy = try {
          defer { outcome.copied.signal() }
          return try snapshot.copied()
        }()
        try TrainingCheckpoint(path).write(copy)
        try publish()
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

  /// Waits until the trainer may change what is being written.
  func waitForCopy() {
    guard isCopying else { return }
    outcome.copied.wait()
    isCopying = false
  }

  /// Waits for what is being written.
  ///
  /// - Returns: why it failed; nil if it did not.
  func wait() -> String? {
    guard thread != nil else { return nil }
    waitForCopy()
    outcome.done.wait()
    thread = nil
    return outcome.failure.withLock { failure in
      defer { failure = nil }
      return failure
    }
  }
}
