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
  public let count: Int
  /// Its number among the processes of its machine, from 0.
  public let localRank: Int
  /// Adds up and exchanges tensors.
  public let group: ProcessGroup
  /// Texts and counters that all ranks share.
  public let store: KeyStore

  private let monitor: RankMonitor
  private let servesStore: Bool
  private let timeout: Duration

  /// Joins the processes of a job, and waits for all of them.
  ///
  /// - Parameters:
  ///   - process: the place of this one; no scheduler.
  ///   - timeout: how long to wait for another rank, now and later.
  /// - Throws: `LaunchError` if a rank does not come in time, or two have the same number.
  public convenience init(_ process: LaunchedProcess, timeout: Duration) throws {
    let store = try RankGroup.store(process, timeout: timeout)
    let rank = try process.rank ?? store.add(1, to: "ranks") - 1
    guard rank < process.count, try store.add(1, to: "rank/\(rank)") == 1 else {
      throw LaunchError(
        "two processes are rank \(rank) of \(process.count), or an earlier job still runs at"
          + " \(process.storeHost):\(store.port); end it, or set another MASTER_PORT")
    }
    try store.set("host/\(rank)", to: HostName.current)
    let hosts = try RankGroup.hosts(store, rank, process.count)
    let address = try RankGroup.address(store, rank, process)
    let port = store.port
    let host = process.servesStore ? Network.loopback : process.storeHost
    let prefix = process.storePrefix
    let monitor = RankMonitor(
      rank: rank, hosts: hosts, isStoreApart: process.isStoreApart, timeout: timeout
    ) {
      try KeyStore(host: host, port: port, isServer: false, prefix: prefix, timeout: timeout)
    }
    let group: ProcessGroup
    do {
      group = try ProcessGroup(
        store, rank: rank, size: process.count, address: address, timeout: timeout)
    } catch let error as TorchError {
      throw LaunchError(monitor.explain(error.description))
    }
    self.init(process, store, group, monitor, timeout: timeout)
  }

  private init(
    _ process: LaunchedProcess, _ store: KeyStore, _ group: ProcessGroup, _ monitor: RankMonitor,
    timeout: Duration
  ) {
    self.store = store
    self.group = group
    self.monitor = monitor
    self.timeout = timeout
    servesStore = process.servesStore
    localRank = process.localRank
    rank = group.rank
    count = group.size
  }

  /// Serves the store of a job until its ranks are done; what MindSpore's scheduler does.
  ///
  /// - Throws: `LaunchError` if the port is taken, or the job has failed.
  public static func schedule(_ process: LaunchedProcess, timeout: Duration) throws {
    let store = try store(process, timeout: timeout)
    try waitUntilAllAreDone(store, process.count, limit: nil)
  }

  private static func store(_ process: LaunchedProcess, timeout: Duration) throws -> KeyStore {
    do {
      return try KeyStore(
        host: process.servesStore ? Network.loopback : process.storeHost, port: process.storePort,
        isServer: process.servesStore, prefix: process.storePrefix, timeout: timeout)
    } catch let error as TorchError {
      let place = "\(process.storeHost):\(process.storePort)"
      throw LaunchError(
        process.servesStore
          ? "cannot listen on port \(process.storePort), where all ranks are to meet: set another"
            + " MASTER_PORT (\(error.message))"
          : "no rank 0 at \(place) within \(timeout.components.seconds) s: does it run, and does"
            + " MASTER_ADDR name its host? (\(error.message))")
    }
  }

  /// The machines of all ranks; rank 0 waits for each.
  private static func hosts(_ store: KeyStore, _ rank: Int, _ count: Int) throws -> [String] {
    guard rank == 0 else {
      do {
        return try store.text(of: "hosts").split(separator: "\n").map(String.init)
      } catch let error as TorchError {
        throw LaunchError("not all \(count) ranks have come (\(error.message))")
      }
    }
    let hosts = try (0..<count).map { rank in
      do {
        return try store.text(of: "host/\(rank)")
      } catch let error as TorchError {
        throw LaunchError("rank \(rank) of \(count) has not come (\(error.message))")
      }
    }
    try store.set("hosts", to: hosts.joined(separator: "\n"))
    return hosts
  }

  /// The address at which the others reach this rank: the one on its way to rank 0, and for rank 0
  /// the one on the way to a rank elsewhere.
  private static func address(
    _ store: KeyStore, _ rank: Int, _ process: LaunchedProcess
  ) throws -> String? {
    guard ProcessInfo.processInfo.environment["GLOO_SOCKET_IFNAME"] == nil else { return nil }
    let address = Network.address(towards: process.storeHost) ?? Network.loopback
    try store.set("address/\(rank)", to: address)
    guard rank == 0, Network.isLoopback(address) else { return address }
    for other in 1..<max(process.count, 1) {
      let theirs = try store.text(of: "address/\(other)")
      if !Network.isLoopback(theirs), let own = Network.address(towards: theirs) { return own }
    }
    return address
  }

  /// Says what this rank does now; a message of failure names it.
  public func enter(_ phase: Phase, step: Int) throws {
    monitor.enter(phase.status, step: step)
    try check()
  }

  /// What a rank can be at.
  public enum Phase: Sendable {
    case data, backward, exchange, update, save

    var status: RankStatus.Phase {
      switch self {
      case .data: .data
      case .backward: .backward
      case .exchange: .exchange
      case .update: .update
      case .save: .save
      }
    }
  }

  /// Ends the work in hand if a rank is lost.
  ///
  /// - Throws: `LaunchError`.
  public func check() throws {
    if let failure = monitor.failure { throw LaunchError(failure) }
  }

  /// Calls `body`; libtorch's errors become those that name the rank that is lost.
  public func naming<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as TorchError {
      throw LaunchError(monitor.explain(error.description))
    }
  }

  /// The sums of some numbers over all ranks.
  public func sums(_ numbers: [Double]) throws -> [Double] {
    let tensor = Tensor(numbers)
    try naming { try group.sumInPlace(tensor) }
    return tensor.elements(Double.self)
  }

  /// Gives all ranks the tensors of one.
  public func broadcast(_ tensors: [Tensor], from root: Int = 0) throws {
    try naming { try group.broadcast(tensors, from: tensors.map { _ in root }) }
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
  public func tell(_ error: any Error) {
    // What it was told, or found out about another, they know.
    guard !(error is LaunchError) else { return }
    monitor.tell("\(error)")
  }

  /// Leaves the job; the rank that serves the store waits for the others.
  public func finish() throws {
    monitor.finish()
    _ = try? store.add(1, to: RankGroup.doneKey)
    guard servesStore else { return }
    try RankGroup.waitUntilAllAreDone(store, count, limit: timeout)
  }

  private static let doneKey = "done"

  private static func waitUntilAllAreDone(
    _ store: KeyStore, _ count: Int, limit: Duration?
  ) throws {
    let start = ContinuousClock.now
    while try store.add(0, to: doneKey) < count {
      if try store.has("failure") {
        // The others are to hear it first.
        Thread.sleep(forTimeInterval: 2)
        throw LaunchError(try store.text(of: "failure"))
      }
      if let limit, ContinuousClock.now - start > limit { return }
      usleep(50_000)
    }
  }
}
