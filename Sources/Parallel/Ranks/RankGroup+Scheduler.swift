internal import Torch

extension RankGroup {
  /// Serves the store of a job until its ranks are done, as MindSpore's scheduler does.
  ///
  /// Ranks need the store to save and stop. Once they have begun, a request to stop therefore waits until
  /// they are done or silent.
  ///
  /// - Parameters:
  ///   - process: the scheduler.
  ///   - timeout: how long all ranks together may be silent.
  ///   - check: called repeatedly; throws to stop.
  ///   - postponed: called once if an error of `check` has to wait.
  ///   - waiting: called once if ranks are missing after a few seconds.
  /// - Throws: `LaunchError` if the port is taken, no rank is left, or the job has failed; errors of
  ///   `check`.
  public static func schedule(
    _ process: LaunchedProcess, timeout: Duration, check: @escaping () throws -> Void,
    postponed: () -> Void = {}, waiting: (RankWait) -> Void = { _ in }
  ) throws {
    let begin = ContinuousClock.now
    var isTold = false
    let store = try Rendezvous(process, timeout: timeout, check: check).store
    let readSigns = { try (0..<process.worldSize).map { try RankMonitor.sign(of: $0, store) } }
    var (signs, silentSeconds, asked) = ([String?](), 0, ContinuousClock.now)
    var stop: (any Error)?
    try waitUntilAllAreDone(store, process.worldSize) {
      if stop == nil {
        do {
          try check()
        } catch {
          guard try readSigns().contains(where: { $0 != nil }) else { throw error }
          stop = error
          postponed()
        }
      }
      guard ContinuousClock.now - asked > .seconds(1) else { return true }
      asked = .now
      if !isTold, ContinuousClock.now - begin > Rendezvous.noticeDelay {
        isTold = true
        let missing = try Rendezvous.missing(process, store)
        if !missing.isEmpty { waiting(RankWait(process: process, missing: missing)) }
      }
      let now = try readSigns()
      silentSeconds = now == signs ? silentSeconds + 1 : 0
      signs = now
      if let stop, .seconds(silentSeconds) > RankMonitor.silence { throw stop }
      let hasBegun = signs.contains { $0 != nil }
      guard .seconds(silentSeconds) < (hasBegun ? min(timeout, patience) : timeout) else {
        throw LaunchError(
          "none of the \(process.worldSize) ranks has given a sign of life for \(silentSeconds) s")
      }
      return true
    }
    if let stop { throw stop }
  }

  /// Silence of all ranks after which they count as ended by the launcher.
  private static let patience = Duration.seconds(30)
}
