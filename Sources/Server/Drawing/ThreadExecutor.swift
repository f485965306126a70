internal import Foundation
internal import Synchronization

/// Runs the work of an actor on one thread of its own, so that long work keeps no thread from others.
final class ThreadExecutor: SerialExecutor {
  private struct State {
    var jobs: [UnownedJob] = []
    var isEnding = false
  }

  private let state = Mutex(State())
  private let signal = DispatchSemaphore(value: 0)

  /// Starts the thread, which ends with `end()`.
  init(name: String) {
    let thread = Thread { [self] in
      while let job = next() { job.runSynchronously(on: asUnownedSerialExecutor()) }
    }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    state.withLock { $0.jobs.append(job) }
    signal.signal()
  }

  /// Ends the thread once its work is done. Nothing may be enqueued after that.
  func end() {
    state.withLock { $0.isEnding = true }
    signal.signal()
  }

  /// The next job, waited for; nil at the end.
  private func next() -> UnownedJob? {
    while true {
      signal.wait()
      let (job, isEnding): (UnownedJob?, Bool) = state.withLock { state in
        (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.isEnding)
      }
      if let job { return job }
      if isEnding { return nil }
    }
  }
}
