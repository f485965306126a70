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
}
