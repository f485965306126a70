internal import Foundation
internal import Synchronization
internal import Torch

/// Exchanges heartbeats with the other ranks on its own thread, and finds the rank to blame for a
/// failure.
///
/// The thread ends the process if the main thread does not react to a failure in time.
final class RankMonitor: Sendable {
  /// State shared with the thread.
  private struct State {
    var status = RankStatus()
    /// Why the job cannot go on.
    var failure: String?
    /// Whether a call of this rank failed for an unknown reason.
    var isLost = false
    /// This rank's own error, to be published.
    var ownFailure: String?
    var isTold = false
    var isFinished = false
    /// Critical operations in progress.
    var holdCount = 0
    /// Time of the store's last answer.
    var lastAnswer = ContinuousClock.now
  }

  private let state = Mutex(State())
  private let rank: Int
  private let hosts: [String]
  private let isStoreApart: Bool
  private let timeout: Duration
  private let connect: @Sendable () throws -> KeyValueStore
  private let done = DispatchSemaphore(value: 0)

  /// Time between heartbeats.
  private static let interval = Duration.milliseconds(500)
  /// Longest silence of a live rank.
  static let silence = Duration.seconds(3)
  /// Time for the main thread to react to a failure.
  private static let grace = Duration.seconds(20)
  /// Key of the published failure.
  static let failureKey = "failure"

  /// Key of a rank's critical operation after a failure.
  static func holdKey(_ rank: Int) -> String { "hold/\(rank)" }

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - rank: this process's rank.
  ///   - hosts: the host of each rank.
  ///   - isStoreApart: whether the launcher serves the store, not rank 0.
  ///   - timeout: longest silence of a rank.
  ///   - connect: opens a connection to the store for the thread.
  init(
    rank: Int, hosts: [String], isStoreApart: Bool, timeout: Duration,
    connect: @escaping @Sendable () throws -> KeyValueStore
  ) {
    self.rank = rank
    self.hosts = hosts
    self.isStoreApart = isStoreApart
    // A shorter timeout would take live ranks for silent.
    self.timeout = max(timeout, RankMonitor.silence)
    self.connect = connect
    Thread.detachNewThread { [self] in
      watch()
      done.signal()
    }
  }

  /// Announces what this rank does now.
  func enter(_ phase: RankStatus.Phase, step: Int) {
    state.withLock { ($0.status.phase, $0.status.step) = (phase, step) }
  }

  /// The job's failure, if any.
  var failure: String? { state.withLock { $0.failure } }

  /// Finds the rank behind a failed call.
  ///
  /// - Parameter message: libtorch's message.
  /// - Returns: the lost rank with its host.
  func explain(_ message: String) -> String {
    state.withLock { $0.isLost = true }
    let limit = ContinuousClock.now + RankMonitor.silence * 3
    while ContinuousClock.now < limit {
      if let failure { return failure }
      let silent = ContinuousClock.now - state.withLock { $0.lastAnswer }
      if silent > RankMonitor.silence * 2 { return lostStore("does not answer") }
      usleep(50_000)
    }
    return "the connection to other ranks is lost: \(message)"
  }

  /// Publishes this rank's error and gives the others time to read it.
  func reportFailure(_ message: String) {
    state.withLock { $0.ownFailure = message }
    let limit = ContinuousClock.now + RankMonitor.silence
    while ContinuousClock.now < limit, !state.withLock({ $0.isTold }) { usleep(20_000) }
    // The store may be served by this process.
    Thread.sleep(forTimeInterval: 3 * RankMonitor.interval.inSeconds)
  }

  /// Announces that this rank is done, and stops the thread.
  func finish() {
    state.withLock {
      $0.isFinished = true
      $0.status.phase = .done
    }
    _ = done.wait(timeout: .now() + RankMonitor.silence.inSeconds)
  }

  /// Begins or ends a critical operation, which keeps the process alive for at most the timeout.
  func hold(_ isBegun: Bool) { state.withLock { $0.holdCount += isBegun ? 1 : -1 } }

  /// Number of ranks on this machine.
  var localWorldSize: Int { hosts.count { $0 == hosts[rank] } }

  /// "rank 3 on host".
  func name(_ rank: Int) -> String { "rank \(rank) on \(hosts[rank])" }

  private func gone(_ rank: Int, _ status: RankStatus) -> String {
    "\(name(rank)) is gone or hangs (last seen at \(status.place))"
  }

  private func lostStore(_ what: String) -> String {
    (isStoreApart ? "the launcher, where all ranks meet," : name(0) + ", where all ranks meet,")
      + " \(what)"
  }

  // MARK: - The thread

  private func watch() {
    do {
      let store = try connect()
      let neighbor = (rank + 1) % hosts.count
      var seen = (beat: -1, at: ContinuousClock.now)
      while true {
        let (isFinished, isLost, own) = state.withLock { state in
          state.status.beat += 1
          return (state.isFinished, state.isLost, state.ownFailure)
        }
        try store.set(RankMonitor.beatKey(rank), to: state.withLock { $0.status }.text)
        if isFinished { return }
        if let own { Rendezvous.publish("\(name(rank)): \(own)", in: store) }
        if try store.has(RankMonitor.failureKey) {
          return fail(try store.text(of: RankMonitor.failureKey), store)
        }
        if isLost, let message = try blame(store, neighbor, silentSince: seen.at) {
          Rendezvous.publish(message, in: store)
        }
        if let status = try status(of: neighbor, store), status.phase != .done {
          if status.beat != seen.beat { seen = (status.beat, .now) }
          let silent = ContinuousClock.now - seen.at
          if silent > timeout {
            Rendezvous.publish(
              "\(name(neighbor)) has been silent for \(silent.components.seconds) s, since"
                + " \(status.place)", in: store)
          }
        }
        state.withLock { $0.lastAnswer = .now }
        Thread.sleep(forTimeInterval: RankMonitor.interval.inSeconds)
      }
    } catch {
      fail(lostStore("is gone"))
    }
  }

  /// Records a failure, then ends the process unless it ends by itself.
  private func fail(_ message: String, _ store: KeyValueStore? = nil) {
    let isOwn = state.withLock { state in
      state.failure = message
      state.isTold = true
      return state.ownFailure != nil || state.isFinished
    }
    guard !isOwn else { return }
    let start = ContinuousClock.now
    var end = start + RankMonitor.grace
    while ContinuousClock.now < end {
      let (isFinished, isHeld) = state.withLock { ($0.isFinished, $0.holdCount > 0) }
      if isFinished { return }
      try? store?.set(RankMonitor.holdKey(rank), to: isHeld ? "1" : "0")
      if isHeld, ContinuousClock.now - start < timeout {
        end = max(end, .now + RankMonitor.silence * 2)
      }
      Thread.sleep(forTimeInterval: RankMonitor.interval.inSeconds)
    }
    FileHandle.standardError.write(Data("Error: \(message)\n".utf8))
    _exit(1)
  }

  private func status(of rank: Int, _ store: KeyValueStore) throws -> RankStatus? {
    try RankMonitor.sign(of: rank, store).flatMap { RankStatus(text: $0) }
  }

  private static func beatKey(_ rank: Int) -> String { "beat/\(rank)" }

  /// The last heartbeat of a rank; nil before the first.
  static func sign(of rank: Int, _ store: KeyValueStore) throws -> String? {
    let key = beatKey(rank)
    return try store.has(key) ? try store.text(of: key) : nil
  }

  /// Names silent ranks, else the rank furthest behind; nil if another rank has published a failure.
  private func blame(
    _ store: KeyValueStore, _ neighbor: Int, silentSince last: ContinuousClock.Instant
  ) throws -> String? {
    if ContinuousClock.now - last > RankMonitor.silence,
      let status = try status(of: neighbor, store), status.phase != .done
    {
      return gone(neighbor, status)
    }
    let before = try hosts.indices.map { try status(of: $0, store) }
    Thread.sleep(forTimeInterval: RankMonitor.silence.inSeconds)
    if try store.has(RankMonitor.failureKey) { return nil }
    let after = try hosts.indices.map { try status(of: $0, store) }
    let others = hosts.indices.filter { $0 != rank && after[$0]?.phase != .done }
    let silent = others.filter { after[$0]?.beat == before[$0]?.beat }
    if !silent.isEmpty {
      return silent.map { gone($0, after[$0] ?? RankStatus()) }.joined(separator: "; ")
    }
    let known = others.compactMap { rank in after[rank].map { (rank, $0) } }
    guard let last = known.min(by: { $1.1.isAhead(of: $0.1) }) else {
      return "the connection between ranks is broken"
    }
    return "\(name(last.0)) is late: it is still at \(last.1.place)"
  }
}
