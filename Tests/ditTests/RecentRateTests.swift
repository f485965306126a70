internal import Testing

@testable internal import dit

@Suite struct RecentRateTests {
  /// The rate after units of these durations, in seconds.
  private func rate(_ durations: [Double]) -> RecentRate {
    var (rate, seconds) = (RecentRate(from: 0, at: 0), 0.0)
    for (index, duration) in durations.enumerated() {
      seconds += duration
      rate.add(index + 1, at: seconds)
    }
    return rate
  }

  @Test func isUnknownBeforeTheFirstUnit() { #expect(rate([]).secondsPerUnit == nil) }

  @Test func forgetsTheFirstUnit() {
    #expect(rate([60]).secondsPerUnit == 60)
    #expect(rate([60, 1]).secondsPerUnit == 1)
    #expect(rate([60, 1, 3]).secondsPerUnit == 2)
  }

  @Test func followsAChangeOfPace() {
    let slow = Array(repeating: 6.0, count: 100)
    #expect(rate(slow + Array(repeating: 2, count: 20)).secondsPerUnit == 2)
    #expect(rate(slow).secondsPerUnit == 6)
    // Many fast units lie in 15 seconds.
    let fast = Array(repeating: 0.125, count: 200)
    #expect(rate(fast).secondsPerUnit == 0.125)
  }

  @Test func leavesOutPauses() {
    var rate = rate([9, 1, 1])
    rate.skipPause(until: 111)
    rate.add(4, at: 112)
    #expect(rate.secondsPerUnit == 1)
  }

  @Test func countsFromWhereTheWorkWasLeft() {
    var rate = RecentRate(from: 50, at: 0)
    rate.add(50, at: 100)
    #expect(rate.secondsPerUnit == nil)
    rate.add(52, at: 104)
    #expect(rate.secondsPerUnit == 52)
    rate.add(54, at: 108)
    #expect(rate.secondsPerUnit == 2)
  }
}
