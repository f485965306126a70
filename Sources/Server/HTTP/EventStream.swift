internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Synchronization

/// An event of a stream (HTML, section 9.2, server-sent events).
struct ServerSentEvent {
  /// The name.
  let name: String
  /// The data, on one line.
  let data: JSON
  /// The number; nil for none.
  var id: Int?

  /// The event as it is sent.
  var text: String {
    (id.map { "id: \($0)\n" } ?? "") + "event: \(name)\ndata: \(data.text)\n\n"
  }
}

/// Says once that a connection is closed.
final class CloseSignal: Sendable {
  private struct State {
    var isClosed = false
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var count = 0
  }

  private let state = Mutex(State())

  /// The connection of a request.
  init(_ context: ServerContext) {
    context.onClose { [self] in
      let waiting = state.withLock { state in
        state.isClosed = true
        defer { state.waiting = [:] }
        return state.waiting.values
      }
      for continuation in waiting { continuation.resume() }
    }
  }

  /// Returns once the connection is closed, or the task cancelled.
  func wait() async {
    let number = state.withLock { state in
      state.count += 1
      return state.count
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          guard !state.isClosed, !Task.isCancelled else { return true }
          state.waiting[number] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
    }
  }
}

/// Sends the events of a job as they happen.
struct EventStream {
  /// The time between two comments that show a client and what is between that the stream lives.
  static let heartbeat = Duration.seconds(10)

  private let events: JobEvents
  private let closing: CloseSignal

  init(_ events: JobEvents, _ context: ServerContext) {
    self.events = events
    closing = CloseSignal(context)
  }

  private enum Turn {
    case event(JobEvent?)
    case heartbeat
    case closed
  }

  /// The response.
  ///
  /// - Parameters:
  ///   - onEnd: called at the end, with whether all events were sent.
  ///   - words: what is sent for an event.
  /// - Returns: a response whose body is made while it is sent.
  func response(
    onEnd: @escaping @Sendable (_ isWhole: Bool) async -> Void = { _ in },
    _ words: @escaping @Sendable (JobEvent) async -> [ServerSentEvent]
  ) -> Response {
    var headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
    // Proxies that gather responses let this one through.
    if let name = HTTPField.Name("X-Accel-Buffering") { headers[name] = "no" }
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        var isWhole = false
        do {
          isWhole = try await send(to: &writer, words)
        } catch {
          await onEnd(false)
          throw error
        }
        await onEnd(isWhole)
        try await writer.finish(nil)
      })
  }

  private func send(
    to writer: inout any ResponseBodyWriter,
    _ words: @Sendable (JobEvent) async -> [ServerSentEvent]
  ) async throws -> Bool {
    while true {
      switch await next() {
      case .event(let event?):
        let text = await words(event).map(\.text).joined()
        if !text.isEmpty { try await writer.write(ByteBuffer(string: text)) }
        if event.isFinal { return true }
      case .event(nil): return true
      case .heartbeat: try await writer.write(ByteBuffer(string: ": heartbeat\n\n"))
      case .closed: return false
      }
    }
  }

  /// The next event, or what comes before it.
  private func next() async -> Turn {
    await withTaskGroup(of: Turn.self) { group in
      group.addTask { [events] in
        var iterator = events.makeAsyncIterator()
        return .event(await iterator.next())
      }
      group.addTask {
        try? await Task.sleep(for: EventStream.heartbeat)
        return .heartbeat
      }
      group.addTask { [closing] in
        await closing.wait()
        return .closed
      }
      let first = await group.next() ?? .closed
      group.cancelAll()
      // An event that came at the same time is not lost.
      for await turn in group {
        if case .event(.some) = turn { return turn }
      }
      return first
    }
  }
}
