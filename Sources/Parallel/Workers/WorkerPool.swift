internal import Files
internal import Foundation
internal import Torch

/// Several processes of one program on this machine, with a store served by this process.
///
/// Their output is forwarded with a rank prefix, signals are forwarded to them. If one fails, all are
/// ended.
public final class WorkerPool {
  /// Outcome of a run.
  public enum Outcome: Equatable, Sendable {
    /// All succeeded.
    case done
    /// Stopped by a forwarded signal.
    case stopped(Int32)
    /// One failed; `isUsage` if its exit code says that the arguments were wrong.
    case failed(String, isUsage: Bool)
  }

  private struct Worker {
    let rank: Int
    var process: SpawnedProcess
    /// nil while it runs.
    var end: SpawnedProcess.End?
    /// Last line on standard error.
    var lastError: String?
  }

  private struct Failure {
    let message: String
    /// Whether a forwarded signal caused it.
    let isStop: Bool
    let time = ContinuousClock.now
  }

  private let store: KeyValueStore
  private var workers: [Worker] = []
  private var failure: Failure?
  private var hasAskedToEnd = false
  private var passedSignal: Int32 = 0

  /// Environment variable that marks workers.
  public static let marker = "DIT_WORKER"
  /// Prefix of the job's keys in the store.
  private static let prefix = "dit/attempt_0"
  /// Time for workers to end by themselves after a failure, and after SIGTERM.
  private static let patience = Duration.seconds(4)
  /// Time limit of critical operations, such as saving a checkpoint.
  private let holdLimit: Duration

  /// Starts the workers.
  ///
  /// - Parameters:
  ///   - count: number of workers.
  ///   - program: path of the program.
  ///   - arguments: of each worker.
  ///   - environment: of each worker; the variables of `torchrun` are added.
  ///   - holdLimit: time limit of critical operations after a failure.
  /// - Throws: `LaunchError` if a worker cannot start; `TorchError` if the store cannot.
  public init(
    _ count: Int, program: String, arguments: [String], environment: [String: String],
    holdLimit: Duration = .seconds(600)
  ) throws {
    self.holdLimit = holdLimit
    store = try KeyValueStore(
      host: Network.loopback, port: 0, isServer: true, prefix: WorkerPool.prefix,
      timeout: .seconds(60))
    var variables = environment
    variables["WORLD_SIZE"] = "\(count)"
    variables["LOCAL_WORLD_SIZE"] = "\(count)"
    variables["MASTER_ADDR"] = Network.loopback
    variables["MASTER_PORT"] = "\(store.port)"
    variables["TORCHELASTIC_RUN_ID"] = "dit"
    variables["TORCHELASTIC_USE_AGENT_STORE"] = "True"
    variables["TORCHELASTIC_RESTART_COUNT"] = "0"
    variables[WorkerPool.marker] = "1"
    if variables["OMP_NUM_THREADS"] == nil {
      // Without a limit, threads of several processes would spin on the same cores.
      variables["OMP_NUM_THREADS"] = "\(max(1, LibTorch.threadCount / count))"
    }
    SpawnedProcess.keepEnds()
    for rank in 0..<count {
      variables["RANK"] = "\(rank)"
      variables["LOCAL_RANK"] = "\(rank)"
      let process: SpawnedProcess
      do {
        process = try SpawnedProcess(program, arguments, environment: variables)
      } catch {
        end(SIGKILL)
        throw error
      }
      workers.append(Worker(rank: rank, process: process))
    }
  }

  /// Forwards lines and signals until all workers have ended.
  ///
  /// - Parameters:
  ///   - signal: returns the last signal received; 0 for none.
  ///   - output: called with each line of rank 0's standard output.
  ///   - errors: called with all other lines.
  /// - Returns: the outcome.
  public func run(
    signal: () -> Int32, output: (String) -> Void, errors: (String) -> Void
  ) -> Outcome {
    while workers.contains(where: { $0.end == nil }) || hasOpenStreams {
      pass(signal(), errors)
      readLines(output, errors, milliseconds: 100)
      reap { readLines(output, errors, milliseconds: 0) }
      endIfFailed()
    }
    if let failure {
      guard !failure.isStop else {
        errors(failure.message)
        return .stopped(passedSignal)
      }
      let isUsage = workers.contains { $0.end == .status(EX_USAGE << 8) }
      return .failed(failure.message, isUsage: isUsage)
    }
    let stops = workers.compactMap(\.end).compactMap(WorkerPool.stop)
    guard let signal = stops.first else { return .done }
    if passedSignal == 0 {
      errors("One of the processes was sent \(WorkerPool.name(signal)), and all have stopped.")
    }
    return .stopped(signal)
  }

  private var hasOpenStreams: Bool {
    workers.contains { $0.process.streams.contains { $0.descriptor != nil } }
  }

  private func pass(_ signal: Int32, _ errors: (String) -> Void) {
    guard signal != 0, passedSignal == 0 else { return }
    passedSignal = signal
    errors("Passing \(WorkerPool.name(signal)) on to \(workers.count) processes.")
    end(signal)
  }

  private func end(_ signal: Int32) {
    for worker in workers where worker.end == nil { kill(worker.process.identifier, signal) }
  }

  private func readLines(
    _ output: (String) -> Void, _ errors: (String) -> Void, milliseconds: Int32
  ) {
    let places = workers.indices.flatMap { worker in
      workers[worker].process.streams.indices.map { (worker, $0) }
    }.filter { workers[$0.0].process.streams[$0.1].descriptor != nil }
    var polled = places.map { worker, stream in
      pollfd(
        fd: workers[worker].process.streams[stream].descriptor ?? -1, events: Int16(POLLIN),
        revents: 0)
    }
    guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return }
    for (entry, (worker, stream)) in zip(polled, places) where entry.revents != 0 {
      let rank = workers[worker].rank
      for line in workers[worker].process.streams[stream].lines() {
        if stream == 1 { workers[worker].lastError = line }
        if rank == 0, stream == 0 { output(line) } else { errors("[\(rank)] \(line)") }
      }
    }
  }

  /// Collects ended workers; `readRest` reads their last lines first.
  private func reap(readRest: () -> Void) {
    for index in workers.indices where workers[index].end == nil {
      guard let end = SpawnedProcess.end(of: workers[index].process.identifier) else { continue }
      workers[index].end = end
      readRest()
      guard let reason = reason(end, workers[index]) else { continue }
      note(
        "rank \(workers[index].rank) on \(HostName.current)"
          + " (process \(workers[index].process.identifier)) \(reason)",
        isStop: passedSignal != 0 && WorkerPool.signal(end) == passedSignal)
    }
  }

  /// The failure behind an end; nil for success.
  private func reason(_ end: SpawnedProcess.End, _ worker: Worker) -> String? {
    guard case .status(let status) = end else { return "has ended with an unknown status" }
    if let signal = WorkerPool.signal(end) {
      let last = try? RankMonitor.sign(of: worker.rank, store).flatMap { RankStatus(text: $0) }
      return "was ended by \(WorkerPool.name(signal))"
        + (signal == passedSignal ? ", which was passed on to it" : "")
        + (last.map { " (last seen at \($0.place))" } ?? "")
    }
    if status == 0 || WorkerPool.stop(end) != nil { return nil }
    return "has failed with status \(status >> 8 & 0xff)"
      + (worker.lastError.map { ": \($0)" } ?? "")
  }

  /// "signal 15 (Terminated)".
  private static func name(_ signal: Int32) -> String {
    "signal \(signal) (\(String(cString: strsignal(signal))))"
  }

  /// The signal that killed a worker, if any.
  private static func signal(_ end: SpawnedProcess.End) -> Int32? {
    guard case .status(let status) = end, status & 0x7f != 0 else { return nil }
    return status & 0x7f
  }

  /// The signal behind a clean stop, by the exit code.
  private static func stop(_ end: SpawnedProcess.End) -> Int32? {
    [SIGINT, SIGTERM, SIGHUP].first { end == .status((128 + $0) << 8) }
  }

  /// Records the first failure and publishes it to all ranks.
  private func note(_ message: String, isStop: Bool) {
    guard failure == nil else { return }
    // A failing rank may have published its own reason.
    if (try? store.has(RankMonitor.failureKey)) == true,
      let text = try? store.text(of: RankMonitor.failureKey)
    {
      failure = Failure(message: text, isStop: isStop)
      return
    }
    failure = Failure(message: message, isStop: isStop)
    Rendezvous.publish(message, in: store)
  }

  /// Whether a running worker is in a critical operation.
  private var isHeld: Bool {
    workers.contains { worker in
      let key = RankMonitor.holdKey(worker.rank)
      return worker.end == nil && (try? store.has(key)) == true && (try? store.text(of: key)) == "1"
    }
  }

  private func endIfFailed() {
    guard let failure else { return }
    let elapsed = ContinuousClock.now - failure.time
    guard elapsed > WorkerPool.patience, elapsed > holdLimit || !isHeld else { return }
    if elapsed > WorkerPool.patience * 6 {
      end(SIGKILL)
    } else if !hasAskedToEnd, passedSignal != SIGTERM {
      // Only once: a second SIGTERM would interrupt a save.
      hasAskedToEnd = true
      end(SIGTERM)
    }
  }
}
