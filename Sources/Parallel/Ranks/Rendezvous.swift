internal import Files
internal import Foundation
internal import Torch

/// Where the processes of a job find each other through a store, before they form a group.
struct Rendezvous {
  /// The shared store.
  let store: KeyValueStore

  private let process: LaunchedProcess
  private let timeout: Duration
  private let check: () throws -> Void
  private let waiting: (RankWait) -> Void
  private let begin = ContinuousClock.now

  /// Time after which `waiting` is told.
  static let noticeDelay = Duration.seconds(4)
  /// Key of the hosts of all ranks, set by rank 0 once all have arrived.
  private static let hostsKey = "hosts"
  /// How long a name server may give no answer.
  private static let nameDelay = Duration.seconds(5)
  /// Time limit of one attempt to connect.
  private static let attempt = Duration.seconds(3)
  /// Seconds for the others to read a failure before the store's server leaves.
  private static let farewell = 1.0
  /// How long a server that cannot take part waits for the others to read why.
  private static let patience = Duration.seconds(10)
  /// Counter of the ranks that failed or read a failure.
  private static let failureCountKey = "failures"

  /// Connects to the store, or serves it.
  ///
  /// - Parameters:
  ///   - process: the place of this process.
  ///   - timeout: how long to wait for others.
  ///   - check: called repeatedly while waiting; throws to stop.
  ///   - waiting: called once if that takes longer than a few seconds.
  /// - Throws: `LaunchError` if the store's host is unknown, which is told at once, the store cannot be
  ///   reached, or the port is taken; errors of `check`.
  init(
    _ process: LaunchedProcess, timeout: Duration, check: @escaping () throws -> Void,
    waiting: @escaping (RankWait) -> Void = { _ in }
  ) throws {
    self.process = process
    self.timeout = timeout
    self.check = check
    self.waiting = waiting
    try Rendezvous.checkName(process, check)
    if process.servesStore {
      do {
        store = try Rendezvous.store(process, timeout)
      } catch let error as TorchError {
        throw LaunchError(
          "cannot listen on port \(process.storePort), where all ranks meet: set another"
            + " MASTER_PORT (\(error.message))")
      }
    } else {
      var isTold = false
      while let problem = Rendezvous.refusal(process) {
        try check()
        let elapsed = ContinuousClock.now - begin
        if !isTold, elapsed > Rendezvous.noticeDelay {
          waiting(RankWait(process: process, missing: nil))
          isTold = true
        }
        guard elapsed < timeout else {
          throw Rendezvous.missing(process, timeout, problem)
        }
        usleep(50_000)
      }
      do {
        store = try Rendezvous.store(process, timeout)
      } catch let error as TorchError {
        throw Rendezvous.missing(process, timeout, error.message)
      }
    }
  }

  /// Checks that the store's host has an address. Ranks that know none would wait for nothing.
  ///
  /// - Throws: `LaunchError`; errors of `check`.
  private static func checkName(_ process: LaunchedProcess, _ check: () throws -> Void) throws {
    let begin = ContinuousClock.now
    while let fault = Network.fault(ofName: process.storeHost) {
      try check()
      guard fault.isTransient, ContinuousClock.now - begin < nameDelay else {
        throw LaunchError(
          "\(process.hostSource): this machine knows no address of '\(process.storeHost)'"
            + " (\(fault.reason)). \(remedy(for: process)) This process is \(process.place)")
      }
      usleep(200_000)
    }
  }

  private static func remedy(for process: LaunchedProcess) -> String {
    let (variable, port) =
      process.hostSource == "MS_SCHED_HOST"
      ? ("MS_SCHED_HOST", "MS_SCHED_PORT") : ("MASTER_ADDR", "MASTER_PORT")
    let server = process.isStoreApart ? "where all ranks meet" : "of rank 0"
    return
      "Set \(variable) to the name or address of the machine \(server), without the port, which is"
      + " \(port)."
  }

  /// Why the store cannot be reached; nil if it can. A plain connection comes first, as libtorch prints
  /// a trace for each that fails; short attempts keep the wait interruptible.
  private static func refusal(_ process: LaunchedProcess) -> String? {
    if let problem = Network.refusal(
      of: process.storeHost, port: process.storePort, within: attempt)
    {
      return problem
    }
    do {
      _ = try store(process, attempt)
      return nil
    } catch {
      return (error as? TorchError)?.message ?? "\(error)"
    }
  }

  private static func store(_ process: LaunchedProcess, _ timeout: Duration) throws -> KeyValueStore
  {
    try KeyValueStore(
      host: process.servesStore ? Network.loopback : process.storeHost, port: process.storePort,
      isServer: process.servesStore, prefix: process.storePrefix, timeout: timeout)
  }

  private static func missing(
    _ process: LaunchedProcess, _ timeout: Duration, _ problem: String
  ) -> LaunchError {
    LaunchError(
      "no rank 0 at \(process.storeHost):\(process.storePort) within"
        + " \(timeout.components.seconds) s (\(problem)): does it run, and does MASTER_ADDR name its"
        + " host? This process is \(process.place)")
  }

  /// Waits for all ranks.
  ///
  /// - Returns: this process's rank, the host of each rank, and the address at which the others reach this
  ///   one (nil if the environment names the interface).
  /// - Throws: `LaunchError`, also published to the others; errors of `check`.
  func join() throws -> (rank: Int, hosts: [String], address: String?) {
    let rank: Int
    do {
      rank = try process.rank ?? store.add(1, to: "ranks") - 1
      guard rank < process.worldSize, try store.add(1, to: "rank/\(rank)") == 1 else {
        throw LaunchError(
          "two processes are rank \(rank) of \(process.worldSize), or an earlier job still runs at"
            + " \(process.storeHost):\(store.port); end it, or set another MASTER_PORT")
      }
    } catch let error as TorchError {
      throw LaunchError("rank 0, where all ranks meet, is gone (\(error.message))")
    }
    do {
      try store.set("host/\(rank)", to: HostName.current)
      return (rank, try hosts(rank), try address(rank))
    } catch {
      let reason = (error as? TorchError).map { LaunchError("a rank is gone (\($0.message))") }
      let name = "rank \(rank) on \(HostName.current)"
      Rendezvous.publish("\(name): \(reason ?? error)", in: store)
      if process.servesStore { Thread.sleep(forTimeInterval: Rendezvous.farewell) }
      throw reason ?? error
    }
  }

  private static func name(_ process: LaunchedProcess) -> String {
    let unnumbered = process.isScheduler ? "the scheduler" : "a rank"
    return (process.rank.map { "rank \($0)" } ?? unnumbered) + " on \(HostName.current)"
  }

  /// The hosts of all ranks; rank 0 waits for each.
  private func hosts(_ rank: Int) throws -> [String] {
    guard rank == 0 else {
      return try text(
        of: Rendezvous.hostsKey, else: "not all \(process.worldSize) ranks have joined"
      )
      .split(separator: "\n").map(String.init)
    }
    let hosts = try (0..<process.worldSize).map { rank in
      try text(
        of: "host/\(rank)", else: "rank \(rank) of \(process.worldSize) has not joined", tells: true
      )
    }
    try store.set(Rendezvous.hostsKey, to: hosts.joined(separator: "\n"))
    return hosts
  }

  /// The ranks that have not joined a job.
  static func missing(_ process: LaunchedProcess, _ store: KeyValueStore) throws -> [Int] {
    try (0..<process.worldSize).filter { try !store.has("host/\($0)") }
  }

  private func address(_ rank: Int) throws -> String? {
    let address = Network.address(towards: process.storeHost) ?? Network.loopback
    try store.set("address/\(rank)", to: address)
    guard ProcessInfo.processInfo.environment["GLOO_SOCKET_IFNAME"] == nil else { return nil }
    return try Network.reachable(address) {
      try (0..<process.worldSize).filter { $0 != rank }.map { other in
        try text(of: "address/\(other)", else: "rank \(other) has no address")
      }
    }
  }

  /// Waits for a value of another rank; throws once a failure is published. If `tells`, `waiting` is
  /// told which ranks are missing.
  private func text(of key: String, else problem: String, tells: Bool = false) throws -> String {
    let start = ContinuousClock.now
    var isTold = !tells || start - begin > Rendezvous.noticeDelay
    while try !store.has(key) {
      try check()
      if !isTold, ContinuousClock.now - begin > Rendezvous.noticeDelay {
        isTold = true
        waiting(RankWait(process: process, missing: try Rendezvous.missing(process, store)))
      }
      if try store.has(RankMonitor.failureKey) {
        throw LaunchError(try store.text(of: RankMonitor.failureKey))
      }
      guard ContinuousClock.now - start < timeout else {
        throw LaunchError(
          "\(problem) within \(timeout.components.seconds) s; this process is \(process.place)")
      }
      usleep(20_000)
    }
    return try store.text(of: key)
  }

  /// Publishes a failure to all ranks, unless one is published already.
  static func publish(_ message: String, in store: KeyValueStore) {
    guard (try? store.add(1, to: failureCountKey)) == 1 else { return }
    try? store.set(RankMonitor.failureKey, to: message)
  }

  /// Tells the others that a process will not join, if the store is reachable within seconds.
  ///
  /// The store's server stays until the others have asked. If all ranks have joined already, the store
  /// belongs to another job and is left alone.
  static func cancel(
    _ process: LaunchedProcess, _ reason: String, while isPatient: () -> Bool
  ) {
    guard process.worldSize > 1 || process.isScheduler,
      process.servesStore || refusal(process) == nil, let store = try? store(process, attempt),
      (try? store.has(hostsKey)) == false
    else { return }
    publish("\(name(process)): \(reason)", in: store)
    guard process.servesStore else { return }
    let start = ContinuousClock.now
    let everybody = process.worldSize + (process.isScheduler ? 1 : 0)
    while (try? store.add(0, to: failureCountKey)) ?? everybody < everybody,
      ContinuousClock.now - start < patience, isPatient()
    {
      usleep(50_000)
    }
  }
}

extension RankGroup {
  /// Tells the other ranks of a job that this process will not join, if they are reachable within
  /// seconds.
  ///
  /// - Parameters:
  ///   - process: its intended place.
  ///   - reason: why it does not join.
  ///   - isPatient: asked repeatedly while the others read the reason; false stops the wait.
  public static func cancel(
    _ process: LaunchedProcess, because reason: String, while isPatient: () -> Bool = { true }
  ) {
    Rendezvous.cancel(process, reason, while: isPatient)
  }
}
