internal import Synchronization

/// The events of a job, for one reader. What a slow reader has not read is replaced by what is newer, but for
/// images, counted previews and the last event.
final class JobMailbox: Sendable {
  private struct State {
    var events: [JobEvent] = []
    var hasEnded = false
    var reader: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())
  private let control: JobControl
  private let keepsPreviews: Bool

  /// An empty mailbox of a job.
  init(_ control: JobControl, _ previews: ImageRequest.Previews) {
    self.control = control
    keepsPreviews = previews != .eachStep
    control.addListeners(1)
  }

  deinit { control.addListeners(-1) }

  /// Adds an event; after the last one, none.
  func add(_ event: JobEvent) {
    let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard !state.hasEnded else { return nil }
      state.events.removeAll { isReplaced($0, by: event) }
      state.events.append(event)
      state.hasEnded = event.isFinal
      return state.reader.take()
    }
    reader?.resume()
  }

  private func isReplaced(_ old: JobEvent, by new: JobEvent) -> Bool {
    switch (old, new) {
    case (.queued, .queued), (.queued, .step), (.step, .step): true
    case (.preview(let old), .preview(let new)): !keepsPreviews && old.index == new.index
    case (.preview(let old), .image(_, let index)): !keepsPreviews && old.index == index
    default: false
    }
  }

  /// The next event, waited for; nil after the last, and if the task is cancelled.
  func next() async -> JobEvent? {
    while !Task.isCancelled {
      let (event, isOver) = state.withLock { state -> (JobEvent?, Bool) in
        guard state.events.isEmpty else { return (state.events.removeFirst(), false) }
        return (nil, state.hasEnded)
      }
      if event != nil || isOver { return event }
      await waitForEvents()
    }
    return nil
  }

  private func waitForEvents() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          guard state.events.isEmpty, !state.hasEnded, !Task.isCancelled else { return true }
          state.reader = continuation
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.reader.take() }?.resume()
    }
  }
}

/// The events of a job: how it stands, then what happens to it, to the last event.
///
/// A reader that is slow misses steps and previews of each step, and nothing else. One iterator at a time.
public struct JobEvents: AsyncSequence, Sendable {
  public typealias Element = JobEvent
  public typealias Failure = Never

  let mailbox: JobMailbox

  /// An iterator.
  public func makeAsyncIterator() -> Iterator { Iterator(mailbox: mailbox) }

  /// Reads the events.
  public struct Iterator: AsyncIteratorProtocol {
    let mailbox: JobMailbox

    /// The next event, waited for; nil after the last, and if the task is cancelled.
    public mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async -> JobEvent? {
      await mailbox.next()
    }
  }
}
