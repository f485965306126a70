internal import Files
internal import Foundation
public import Torch

/// The processes of a distributed job, from the view of one of them.
///
/// If another rank is lost, calls throw a `LaunchError` that names the rank and its host: within seconds
/// if a connection breaks, within the timeout if the rank hangs.
public final class RankGroup {
  /// This process's rank, from 0.
  public let rank: Int
  /// Number of ranks.
  public let worldSize: Int
  /// This process's rank on its machine, from 0.
  public let localRank: Int
  /// Collective operations on tensors in the processor's memory.
  public let group: ProcessGroup
  /// Texts and counters shared by all ranks.
  public let store: KeyValueStore

  /// Number of ranks on this machine.
  public var localWorldSize: Int { monitor.localWorldSize }

  /// "rank 3 on host", for each rank.
  var names: [String] { (0..<worldSize).map(monitor.name) }

  private let monitor: RankMonitor
  private let servesStore: Bool
  private let timeout: Duration
  /// Counts the calls of `onRankZero`, for their keys in the store.
  private var turn = 0

  /// Joins a job and waits for all ranks.
  ///
  /// - Parameters:
  ///   - process: this process's place; not a scheduler's.
  ///   - timeout: how long to wait for another rank, now and later.
  ///   - check: called repeatedly while waiting; throws to stop.
  ///   - waiting: called once if that takes longer than a few seconds.
  /// - Throws: `LaunchError` if a rank is too late, cancels, or two have the same number; errors of
  ///   `check`.
  public convenience init(
    _ process: LaunchedProcess, timeout: Duration, check: @escaping () throws -> Void = {},
    waiting: @escaping (RankWait) -> Void = { _ in }
  ) throws {
    let rendezvous = try Rendezvous(process, timeout: timeout, check: check, waiting: waiting)
    let (rank, hosts, address) = try rendezvous.join()
    let store = rendezvous.store
    let port = store.port
    let host = process.servesStore ? Network.loopback : process.storeHost
    let prefix = process.storePrefix
    let monitor = RankMonitor(
      rank: rank, hosts: hosts, isStoreApart: process.isStoreApart, timeout: timeout
    ) {
      try KeyValueStore(host: host, port: port, isServer: false, prefix: prefix, timeout: timeout)
    }
    let group: ProcessGroup
    do {
      group = try ProcessGroup(
        store, rank: rank, size: process.worldSize, address: address, timeout: timeout)
    } catch let error as TorchError {
      throw LaunchError(monitor.explain(error.description))
    }
    self.init(process, store, group, monitor, timeout: timeout)
  }

  private init(
    _ process: LaunchedProcess, _ store: KeyValueStore, _ group: ProcessGroup,
    _ monitor: RankMonitor,
    timeout: Duration
  ) {
    self.store = store
    self.group = group
    self.monitor = monitor
    self.timeout = timeout
    servesStore = process.servesStore
    localRank = process.localRank
    rank = group.rank
    worldSize = group.size
  }

  /// Announces what this rank does now, for failure messages.
  public func enter(_ phase: Phase, step: Int) throws {
    monitor.enter(phase.status, step: step)
    try check()
  }

  /// What a rank can be doing.
  public enum Phase: Sendable {
    /// Waiting for the next batch.
    case data
    /// Computing gradients.
    case backward
    /// Summing gradients over ranks.
    case exchange
    /// Updating the weights.
    case update
    /// Drawing the grid of samples.
    case draw
    /// Writing a checkpoint.
    case save
    /// Sampling images.
    case sample
    /// Encoding images into latents.
    case encode

    var status: RankStatus.Phase {
      switch self {
      case .data: .data
      case .backward: .backward
      case .exchange: .exchange
      case .update: .update
      case .draw: .draw
      case .save: .save
      case .sample: .sample
      case .encode: .encode
      }
    }
  }

  /// Keeps the process alive after another rank failed, until a critical operation such as saving a
  /// checkpoint is done.
  public struct Hold: Sendable {
    fileprivate let monitor: RankMonitor

    /// Ends the hold; call once.
    public func release() { monitor.hold(false) }
  }

  /// Begins a critical operation: for at most the timeout, the loss of another rank does not end this
  /// process.
  public func hold() -> Hold {
    monitor.hold(true)
    return Hold(monitor: monitor)
  }

  /// Runs work on rank 0 only; the others wait as long as it makes progress.
  ///
  /// - Parameters:
  ///   - phase: kind of work, for failure messages.
  ///   - step: current step, for failure messages.
  ///   - work: calls `mark` at least once per timeout.
  /// - Throws: errors of `work`; `LaunchError` if a rank is lost.
  public func onRankZero(
    _ phase: Phase, step: Int, _ work: (_ mark: () throws -> Void) throws -> Void
  ) throws {
    turn += 1
    let (marks, end) = ("turn/\(turn)", "turn/\(turn)/end")
    guard rank != 0 else {
      try enter(phase, step: step)
      try work {
        try check()
        _ = try attributingErrors { try store.add(1, to: marks) }
      }
      return try attributingErrors { try store.set(end, to: "") }
    }
    monitor.enter(.wait, step: step)
    var seen = (count: 0, at: ContinuousClock.now)
    while try attributingErrors({ try !store.has(end) }) {
      try check()
      let count = try attributingErrors { try store.add(0, to: marks) }
      if count != seen.count { seen = (count, .now) }
      guard ContinuousClock.now - seen.at < timeout else {
        throw LaunchError(monitor.explain("rank 0 has made no progress for \(timeout)"))
      }
      usleep(100_000)
    }
  }

  /// Asks all ranks to stop, for work without collective calls; they poll `stopSignal`.
  ///
  /// - Parameter signal: the signal received.
  public func requestStop(_ signal: Int32) { try? store.set(RankGroup.stopKey, to: "\(signal)") }

  /// The signal of a rank's request to stop; nil without one.
  ///
  /// - Throws: `LaunchError`.
  public func stopSignal() throws -> Int32? {
    try attributingErrors {
      guard try store.has(RankGroup.stopKey) else { return nil }
      return Int32(try store.text(of: RankGroup.stopKey)) ?? SIGTERM
    }
  }

  /// Throws if a rank is lost.
  ///
  /// - Throws: `LaunchError`.
  public func check() throws {
    if let failure = monitor.failure { throw LaunchError(failure) }
  }

  /// Calls `body` and turns libtorch's errors into ones that name the lost rank.
  public func attributingErrors<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as TorchError {
      throw LaunchError(monitor.explain(error.description))
    }
  }

  /// The sums of numbers over all ranks.
  public func allReduceSum(_ numbers: [Double]) throws -> [Double] {
    let tensor = Tensor(numbers)
    try attributingErrors { try group.sumInPlace(tensor) }
    return tensor.elements(Double.self)
  }

  /// Copies one rank's tensors to all, in place.
  public func broadcast(_ tensors: [Tensor], from root: Int = 0) throws {
    try attributingErrors { try group.broadcast(tensors, from: tensors.map { _ in root }) }
  }

  /// The bytes of rank 0, on all ranks.
  public func broadcast(_ bytes: [UInt8]) throws -> [UInt8] {
    let count = Tensor([bytes.count])
    try broadcast([count])
    let content = rank == 0 ? Tensor(bytes) : .zeros([Int(count.item)], dtype: .uint8)
    try broadcast([content])
    return content.elements(UInt8.self)
  }

  /// Publishes this rank's error to the others.
  ///
  /// - Parameters:
  ///   - error: not told if it is a `LaunchError`, which the others caused and know.
  ///   - message: what the others show their users; the error's description if nil.
  public func reportFailure(_ error: any Error, message: String? = nil) {
    guard !(error is LaunchError) else { return }
    monitor.reportFailure(message ?? "\(error)")
  }

  /// Leaves the job; the store's server waits for the others.
  public func finish() throws {
    monitor.finish()
    let start = ContinuousClock.now
    if rank == 0 {
      try? store.set(RankGroup.firstDoneKey, to: "")
    } else {
      // Launchers kill the rest soon after one rank ends, and rank 0 may be writing a checkpoint.
      while ContinuousClock.now - start < timeout,
        (try? store.has(RankGroup.firstDoneKey)) == false,
        (try? store.has(RankMonitor.failureKey)) == false
      { usleep(50_000) }
    }
    _ = try? store.add(1, to: RankGroup.doneKey)
    guard servesStore else { return }
    try RankGroup.waitUntilAllAreDone(store, worldSize) { ContinuousClock.now - start < timeout }
  }

  private static let stopKey = "stop"
  private static let doneKey = "done"
  private static let firstDoneKey = "first-done"

  /// Waits for all ranks, in the store's server.
  static func waitUntilAllAreDone(
    _ store: KeyValueStore, _ count: Int, while isPatient: () throws -> Bool
  ) throws {
    while try store.add(0, to: doneKey) < count, try isPatient() {
      if try store.has(RankMonitor.failureKey) {
        // Time for the others to read it.
        Thread.sleep(forTimeInterval: 2)
        throw LaunchError(try store.text(of: RankMonitor.failureKey))
      }
      usleep(50_000)
    }
  }
}

extension RankGroup? {
  /// Whether this process speaks for the job: rank 0, or a process alone.
  public var isRankZero: Bool { self?.rank ?? 0 == 0 }
}
