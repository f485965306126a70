internal import Files
internal import Foundation
@testable internal import Parallel
internal import Testing

@Suite struct WorkerPoolTests {
  private func run(
    _ program: String, _ arguments: [String], signal: Int32 = 0
  ) throws -> (outcome: WorkerPool.Outcome, errors: [String]) {
    let pool = try WorkerPool(2, program: program, arguments: arguments, environment: [:])
    var errors: [String] = []
    let outcome = pool.run(signal: { signal }, output: { _ in }, errors: { errors.append($0) })
    return (outcome, errors)
  }

  @Test func givesTheLastWordsOfAProcessThatFails() throws {
    let (outcome, errors) = try run("/bin/sh", ["-c", "echo so it is >&2; exit 3"])
    guard case .failed(let message, isUsage: false) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(message.contains("on \(HostName.current) (process "))
    #expect(message.hasSuffix(") has failed with status 3: so it is"))
    #expect(errors.sorted() == ["[0] so it is", "[1] so it is"])
  }

  @Test func endsTheOthersSoonAfterRankZeroFailed() throws {
    let script = "[ $RANK = 1 ] || exit 3; for i in $(seq 100); do sleep 0.2; done; echo alone >&2"
    let (outcome, errors) = try run("/bin/sh", ["-c", script])
    guard case .failed(let message, isUsage: false) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(message.hasPrefix("rank 0 on "))
    #expect(message.hasSuffix(") has failed with status 3"))
    #expect(errors.isEmpty)
  }

  @Test func doesNotWaitForAProcessOfWhichTheSystemKnowsNothing() {
    // This process is no child of its own, so the system has no word of its end.
    #expect(SpawnedProcess.end(of: getpid()) == .unknown)
  }

  @Test func countsAsStoppedWhoDiesOfASignalThatWasPassedOn() throws {
    let (outcome, errors) = try run("/bin/sleep", ["20"], signal: SIGTERM)
    #expect(outcome == .stopped(SIGTERM))
    #expect(errors.first == "Passing signal 15 (Terminated) on to 2 processes.")
    #expect(
      errors.last?.hasSuffix("was ended by signal 15 (Terminated), which was passed on to it")
        == true)
  }
}
