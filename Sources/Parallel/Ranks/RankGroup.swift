internal import Files
internal import Foundation
public import Torch

/// The processes of a job, as one of them sees them.
///
/// When another rank is lost, calls throw `LaunchError` that names the rank and its host: within
/// seconds when a connection breaks, within the timeout when it hangs.
public final class RankGroup {
  /// This process's number, from 0.
  public let rank: Int
  /// How many there are.
  public let worldSize: Int
  /// Its number among the processes of its machine, from 0.
  public let localRank: Int
  /// Adds up and exchanges tensors.
  public let group: ProcessGroup
  /// Texts and counters that all ranks share.
  public let store: KeyValueStore

  /// How many of the processes are on the machine of this one.
  public var localWorldSize: Int { monitor.localWorldSize }

  /// "rank 3 on host", for each rank.
  var names: [String] { (0..<worldSize).map(monitor.name) }

  private let monitor: RankMonitor
  private let servesStore: Bool
  private let timeout: Duration
  /// How often the others have waited for rank 0.
  private var turn = 0

  /// Joins the processes of a job, and waits for all of them.
  ///
  /// - Parameters:
  ///   - process: the place of this one; no scheduler.
  ///   - timeout: how long to wait for another rank, now and later.
  ///   - check: called now and then while others are waited for; throws to stop.
  /// - Throws: `LaunchError` if a rank does not come in time, says that it will not come, or two have the
  ///   same number; what `check` throws.
  public convenience init(
    _ process: LaunchedProcess, timeout: Duration, check: @escaping () throws -> Void = {}
  ) throws {
    let rendezvous = try Rendezvous(process, timeout: timeout, check: check)
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

  /// Says what this rank does now; a message of failure names it.
  public func enter(_ phase: Phase, step: Int) throws {
    monitor.enter(phase.status, step: step)
    try check()
  }

  /// What a rank can be at.
  public enum Phase: Sendable {
    case data, backward, exchange, update, draw, save
    case sample, encode

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

  /// Something that is to be brought to its end after a failure, such as a file that is being written.
  public struct Hold: Sendable {
    fileprivate let monitor: RankMonitor

    /// Says that it is done; once.
    public func release() { monitor.hold(false) }
  }

  /// From now until the hold is released the program is not ended because another rank is lost, for a
  /// timeout at most.
  public func hold() -> Hold {
    monitor.hold(true)
    return Hold(monitor: monitor)
  }

  /// Has rank 0 do something by itself, while the others wait for as long as it gets on.
  ///
  /// - Parameters:
  ///   - phase: what it is.
  ///   - step: when.
  ///   - work: called in rank 0 alone; calls what it is given more often than once a timeout.
  /// - Throws: what `work` throws; `LaunchError` if rank 0, or another, is lost.
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
        throw LaunchError(monitor.explain("rank 0 has not got on for \(timeout)"))
      }
      usleep(100_000)
    }
  }

  /// Tells all ranks to stop, where they ask; for work in which none waits for another.
  ///
  /// - Parameter signal: that this one was sent.
  public func requestStop(_ signal: Int32) { try? store.set(RankGroup.stopKey, to: "\(signal)") }

  /// The signal by which a rank has told all to stop; nil if none has.
  ///
  /// - Throws: `LaunchError`.
  public func stopSignal() throws -> Int32? {
    try attributingErrors {
      guard try store.has(RankGroup.stopKey) else { return nil }
      return Int32(try store.text(of: RankGroup.stopKey)) ?? SIGTERM
    }
  }

  /// Ends the work in hand if a rank is lost.
  ///
  /// - Throws: `LaunchError`.
  public func check() throws {
    if let failure = monitor.failure { throw LaunchError(failure) }
  }

  /// Calls `body`; libtorch's errors become those that name the rank that is lost.
  public func attributingErrors<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as TorchError {
      throw LaunchError(monitor.explain(error.description))
    }
  }

  /// The sums of some numbers over all ranks.
  public func allReduceSum(_ numbers: [Double]) throws -> [Double] {
    let tensor = Tensor(numbers)
    try attributingErrors { try group.sumInPlace(tensor) }
    return tensor.elements(Double.self)
  }

  /// Gives all ranks the tensors of one.
  public func broadcast(_ tensors: [Tensor], from root: Int = 0) throws {
    try attributingErrors { try group.broadcast(tensors, from: tensors.map { _ in root }) }
  }

  /// Gives all ranks the bytes of rank 0.
  public func broadcast(_ bytes: [UInt8]) throws -> [UInt8] {
    let count = Tensor([bytes.count])
    try broadcast([count])
    let content = rank == 0 ? Tensor(bytes) : .zeros([Int(count.item)], dtype: .uint8)
    try broadcast([content])
    return content.elements(UInt8.self)
  }

  /// Tells the others why this rank cannot go on.
  ///
  /// - Parameters:
  ///   - error: not told if it is a `LaunchError`, which the others caused and know.
  ///   - message: what the others show their users; the error's description if nil.
  public func reportFailure(_ error: any Error, message: String? = nil) {
    guard !(error is LaunchError) else { return }
    monitor.reportFailure(message ?? "\(error)")
  }

  /// Leaves the job; the rank that serves the store waits for the others.
  public func finish() throws {
    monitor.finish()
    let start = ContinuousClock.now
    if rank == 0 {
      try? store.set(RankGroup.firstDoneKey, to: "")
    } else {
      // Launchers end the others soon after one has ended, and rank 0 may be writing a checkpoint.
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

  /// Waits in the process that serves the store.
  static func waitUntilAllAreDone(
    _ store: KeyValueStore, _ count: Int, while isPatient: () throws -> Bool
  ) throws {
    while try store.add(0, to: doneKey) < count, try isPatient() {
      if try store.has(RankMonitor.failureKey) {
        // The others are to hear it first.
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
