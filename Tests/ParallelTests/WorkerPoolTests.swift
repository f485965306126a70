internal import Files
internal import Foundation
internal import Parallel
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

  @Test func countsAsStoppedWhoDiesOfASignalThatWasPassedOn() throws {
    let (outcome, errors) = try run("/bin/sleep", ["20"], signal: SIGTERM)
    #expect(outcome == .stopped(SIGTERM))
    #expect(errors.first == "Passing signal 15 (Terminated) on to 2 processes.")
    #expect(
      errors.last?.hasSuffix("was ended by signal 15 (Terminated), which was passed on to it")
        == true)
  }
}
