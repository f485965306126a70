internal import Synchronization

/// What the thread that draws has to know of a job.
final class JobControl: Sendable {
  private let cancelled = Atomic(false)
  private let listeners = Atomic(0)

  /// Whether the job was cancelled.
  var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  /// Whether somebody listens to its events.
  var hasListeners: Bool { listeners.load(ordering: .relaxed) > 0 }

  /// Its images leave their batch at the next step.
  func cancel() { cancelled.store(true, ordering: .relaxed) }

  /// A listener came or went.
  func addListeners(_ count: Int) { listeners.add(count, ordering: .relaxed) }
}
