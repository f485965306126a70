internal import ArgumentParser
internal import Foundation
internal import Parallel

/// How many processes share the work, and how they meet.
struct ParallelOptions: ParsableArguments {
  @Option(help: "Start this number of processes on this machine.") var workers: Int?
  @Option(help: "Stop all processes if one does not answer for this many seconds.") var timeout =
    600
  @Option(help: "An HCCL rank table (default: the variable RANK_TABLE_FILE).") var rankTable:
    String?

  func validate() throws {
    try Bounds.from(1, to: 1024).check(workers, "--workers")
    try Bounds.counts.check(timeout, "--timeout")
  }

  /// Runs `body` in this process as part of its job, or starts workers that do.
  ///
  /// - Parameters:
  ///   - useParallel: false to work alone, whatever launched the program; true to print a note if
  ///     nothing did.
  ///   - body: receives the group of ranks; nil for a single process.
  /// - Throws: `UsageError` for incomplete or contradictory launcher variables; `LaunchError` if a process
  ///   is lost; errors of `body`.
  func run(useParallel: Bool? = nil, _ body: (RankGroup?) throws -> Void) throws {
    let environment = ProcessInfo.processInfo.environment
    let isWorker = environment[WorkerPool.marker] != nil
    // Variables of an unrelated launcher must not stop a process that works alone.
    let isAlone = useParallel == false && !isWorker
    let launched = isAlone ? try? process(environment) : try process(environment)
    if let workers, !isWorker {
      if let launched, launched.worldSize > 1 {
        throw UsageError(
          "--workers \(workers): \(launched.launcher) has started \(launched.worldSize) processes"
            + " already; leave --workers out, or unset its variables")
      }
      if workers > 1 { return try startWorkers(workers, environment) }
    }
    guard let launched, launched.worldSize > 1 || launched.isScheduler else {
      if useParallel == true, !isWorker, workers == nil {
        note("use_parallel: no launcher has started several processes; this is the only one")
      }
      return try body(nil)
    }
    if isAlone {
      note(
        "use_parallel is false: this process works alone, though \(launched.launcher) has started"
          + " \(launched.worldSize)")
      do {
        return try body(nil)
      } catch {
        throw SettledError(error)
      }
    }
    if launched.isScheduler {
      return try schedule(launched)
    }
    try join(launched, body)
  }

  private func process(_ environment: [String: String]) throws -> LaunchedProcess? {
    do {
      return try LaunchVariables(environment).process(rankTable: rankTable)
    } catch let error as LaunchError {
      throw UsageError(error.message)
    }
  }

  private func schedule(_ process: LaunchedProcess) throws {
    do {
      try RankGroup.schedule(
        process, timeout: .seconds(timeout), check: Interrupt.check,
        postponed: {
          note(
            "Signal \(Interrupt.signal): the store is served until all ranks are done; they stop on a"
              + " signal to one of them.")
        }, waiting: { note(ParallelOptions.line(about: $0)) })
    } catch {
      throw SettledError(error)
    }
  }

  private func join(_ process: LaunchedProcess, _ body: (RankGroup?) throws -> Void) throws {
    do {
      let ranks = try RankGroup(
        process, timeout: .seconds(timeout), check: Interrupt.check,
        waiting: { note(ParallelOptions.line(about: $0)) })
      do {
        try body(ranks)
      } catch let stop as Interrupted {
        try ranks.finish()
        throw stop
      } catch {
        ranks.reportFailure(error, message: wording(of: error))
        throw error
      }
      try ranks.finish()
    } catch {
      throw SettledError(error)
    }
  }

  /// Who is awaited, and how to work alone.
  private static func line(about wait: RankWait) -> String {
    let names = wait.process.variables.map(\.name)
    let isWorker = ProcessInfo.processInfo.environment[WorkerPool.marker] != nil
    guard let last = names.last, !isWorker else { return wait.description }
    let list = names.dropLast().joined(separator: ", ") + (names.count > 1 ? " and " : "") + last
    return "\(wait); to work alone, unset \(list)"
  }

  private func startWorkers(_ count: Int, _ environment: [String: String]) throws {
    let pool = try WorkerPool(
      count, program: System.programPath, arguments: Array(CommandLine.arguments.dropFirst()),
      environment: environment, holdLimit: .seconds(timeout))
    var failure: (any Error)?
    let outcome = pool.run(
      signal: { Interrupt.signal },
      output: { line in
        do { try StandardOutput.write(line) } catch { failure = failure ?? error }
      }, errors: note)
    switch outcome {
    case .done: if let failure { throw failure }
    case .stopped(let signal): throw Interrupted(signal: signal)
    case .failed(let message, isUsage: true): throw UsageError(message)
    case .failed(let message, isUsage: false): throw LaunchError(message)
    }
  }
}

extension RankGroup {
  /// Throws if any rank received a signal or is lost, and passes the signal on to all. For work without
  /// collectives, in which no rank waits for another.
  ///
  /// - Parameter ranks: nil for a single process.
  /// - Throws: `Interrupted`; `LaunchError`.
  static func checkStop(_ ranks: RankGroup?) throws {
    if Interrupt.isRequested { ranks?.requestStop(Interrupt.signal) }
    try Interrupt.check()
    try ranks?.check()
    if let signal = try ranks?.stopSignal() { throw Interrupted(signal: signal) }
  }
}

/// An error that needs no report to other ranks: they know it, or there are none.
struct SettledError: Error {
  let cause: any Error
  init(_ cause: any Error) { self.cause = cause }
}
