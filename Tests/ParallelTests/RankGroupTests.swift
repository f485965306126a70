internal import Files
internal import Foundation
internal import Parallel
internal import Synchronization
internal import TestSupport
internal import Testing
internal import Torch

@Suite(.serialized) struct RankGroupTests {
  /// What two ranks, each in a thread, throw.
  private func errors(
    timeout: Duration, _ body: @escaping @Sendable (RankGroup) throws -> Void
  ) throws -> [String?] {
    let port = try LocalPort.free()
    let results = Mutex<[Int: String]>([:])
    DispatchQueue.concurrentPerform(iterations: 2) { rank in
      do {
        let ranks = try RankGroup(
          LaunchedProcess(
            launcher: "the test", rank: rank, worldSize: 2, localRank: rank, storeHost: "127.0.0.1",
            storePort: port, servesStore: rank == 0), timeout: timeout)
        defer { try? ranks.finish() }
        try body(ranks)
      } catch {
        results.withLock { $0[rank] = "\(error)" }
      }
    }
    return results.withLock { results in (0..<2).map { results[$0] } }
  }

  /// `.invalid` is reserved for names that do not exist (RFC 6761).
  @Test(arguments: [
    (0, "MASTER_ADDR", "no-host.invalid"), (1, "MASTER_ADDR", "127.0.0.1:29500"),
    (1, "MS_SCHED_HOST", "no-host.invalid"),
  ]) func tellsAtOnceThatAHostIsUnknown(_ rank: Int, _ source: String, _ host: String) throws {
    var process = LaunchedProcess(
      launcher: "the test", rank: rank, worldSize: 2, localRank: rank, storeHost: host,
      storePort: try LocalPort.free(), servesStore: rank == 0)
    process.hostSource = source
    let error = #expect(throws: LaunchError.self) {
      try RankGroup(process, timeout: .seconds(600))
    }
    let port = source == "MASTER_ADDR" ? "MASTER_PORT" : "MS_SCHED_PORT"
    for text in ["\(source): this machine knows no address of '\(host)'", "Set \(source)", port] {
      #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }
  }

  @Test func waitsForRankZeroWhileItGetsOn() throws {
    let found = try errors(timeout: .seconds(4)) { ranks in
      try ranks.onRankZero(.draw, step: 1) { mark in
        for _ in 0..<25 {
          usleep(200_000)
          try mark()
        }
      }
    }
    #expect(found == [nil, nil])
  }

  @Test func countsTheRanksOfItsMachine() throws {
    let counts = Mutex<[Int]>([])
    let found = try errors(timeout: .seconds(20)) { ranks in
      counts.withLock { $0.append(ranks.localWorldSize) }
    }
    #expect(found == [nil, nil])
    #expect(counts.withLock { $0 } == [2, 2])
  }

  @Test func tellsAllToStop() throws {
    let found = try errors(timeout: .seconds(20)) { ranks in
      if ranks.rank == 1 { ranks.requestStop(SIGINT) }
      while try ranks.stopSignal() != SIGINT { try ranks.check() }
    }
    #expect(found == [nil, nil])
  }

  @Test func noticesThatRankZeroDoesNotGetOn() throws {
    let found = try errors(timeout: .seconds(4)) { ranks in
      try ranks.onRankZero(.draw, step: 7) { mark in
        // Until the other one has said so.
        while true {
          usleep(50_000)
          try ranks.check()
        }
      }
    }
    for text in found {
      #expect(text?.contains("rank 0 on ") == true, "\(text ?? "")")
      #expect(text?.contains("step 7 (drawing samples)") == true, "\(text ?? "")")
    }
  }

  @Test(.enabled(if: !CUDA.hasGroups)) func allTakeGlooIfOneHasNoNCCL() throws {
    let found = Mutex<[Int: (isGloo: Bool, reason: String?)]>([:])
    let errors = try errors(timeout: .seconds(20)) { ranks in
      let (group, reason) = try ranks.tensorGroup(on: ranks.rank == 0 ? .cpu : .cuda(0))
      found.withLock { $0[ranks.rank] = (group === ranks.group, reason) }
    }
    #expect(errors == [nil, nil])
    let reason = "rank 0 on \(HostName.current) does not compute on an NVIDIA GPU"
    for rank in 0..<2 {
      let choice = try #require(found.withLock { $0[rank] })
      #expect(choice.isGloo)
      #expect(choice.reason == reason)
    }
  }

  /// Waits alone as one of two ranks; gives what was told and thrown.
  private func waitAlone(
    _ rank: Int
  ) throws -> (waits: [RankWait], error: String, port: Int) {
    let port = try LocalPort.free()
    var process = LaunchedProcess(
      launcher: "the test", rank: rank, worldSize: 2, localRank: rank,
      storeHost: "127.0.0.1", storePort: port, servesStore: rank == 0)
    process.variables = [.init(name: "RANK", value: "\(rank)"), .init(name: "N", value: "2")]
    var waits: [RankWait] = []
    let error = #expect(throws: LaunchError.self) {
      _ = try RankGroup(process, timeout: .seconds(5), waiting: { waits.append($0) })
    }
    return (waits, "\(try #require(error))", port)
  }

  @Test func saysWhoIsAwaited() throws {
    let first = try waitAlone(0)
    #expect(first.waits.map(\.missing) == [[1]])
    #expect(
      first.waits.first?.description
        == "waiting for rank 1, which has not joined at 127.0.0.1:\(first.port); this process is"
        + " rank 0 of 2 by RANK=0, N=2")
    #expect(first.error.contains("rank 1 of 2 has not joined within 5 s"))
    #expect(first.error.hasSuffix("this process is rank 0 of 2 by RANK=0, N=2"))
  }

  @Test func saysThatRankZeroDoesNotListen() throws {
    let second = try waitAlone(1)
    #expect(second.waits.map(\.missing) == [nil])
    #expect(
      second.waits.first?.description.hasPrefix(
        "waiting for rank 0, which does not listen at 127.0.0.1:\(second.port) yet;") == true)
    #expect(second.error.contains("within 5 s (Connection refused): does it run"))
    #expect(second.error.contains("no rank 0 at 127.0.0.1:\(second.port)"))
  }

  @Test func namesAFewOfManyRanks() {
    let process = LaunchedProcess(
      launcher: "the test", rank: 0, worldSize: 20, localRank: 0, storeHost: "a", storePort: 1,
      servesStore: true)
    let wait = RankWait(process: process, missing: Array(1..<20))
    #expect(
      wait.description.contains("ranks 1, 2, 3, 4, 5, 6, 7, 8, and 11 more, which have not joined"))
  }
}
