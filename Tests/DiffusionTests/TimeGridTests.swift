internal import Diffusion
internal import Testing

@Suite struct TimeGridTests {
  /// The spacings of discrete steps.
  static let discrete = TimestepSpacing.allCases.filter { $0 != .shifted }

  private func times(
    _ spacing: TimestepSpacing, _ convention: GridConvention, _ count: Int
  ) throws -> [Double] {
    try spacing.grid(convention).times(count, on: NoiseSchedule.linear)
  }

  @Test(arguments: discrete, [-1, 0, 1001])
  func refusesCountsOutOfRange(_ spacing: TimestepSpacing, _ count: Int) throws {
    let error = #expect(throws: DiffusionError.self) { try times(spacing, .wholeSteps, count) }
    let limit = spacing == .optimized ? 50 : 1000
    #expect(try #require(error).message.contains("from 1 to \(limit)"))
  }

  @Test func leavesOutTheFirstTimestepForMultistepSamplers() throws {
    for spacing in [TimestepSpacing.linspace, .leading] {
      #expect(throws: DiffusionError.self) { try times(spacing, .withoutFirst, 1000) }
      #expect(try times(spacing, .withoutFirst, 999).dropLast().last == 1)
    }
  }

  // Values of diffusers 0.39: UniPC and DPM++ (without the first), Heun and Euler, DDIM.
  @Test func takesTheTimesOfDiffusers() throws {
    #expect(try times(.linspace, .fractionalSteps, 3) == [999, 499.5, 0, -1])
    #expect(try times(.linspace, .fractionalSteps, 1) == [999, -1])
    #expect(try times(.linspace, .wholeSteps, 4) == [999, 666, 333, 0, -1])
    #expect(try times(.linspace, .withoutFirst, 4) == [999, 749, 500, 250, -1])
    #expect(try times(.leading, .withoutFirst, 4) == [800, 600, 400, 200, -1])
    #expect(try times(.leading, .wholeSteps, 4) == [750, 500, 250, 0, -1])
    #expect(try times(.trailing, .withoutFirst, 4) == [999, 749, 499, 249, -1])
    #expect(try times(.trailing, .wholeSteps, 3) == [999, 666, 332, -1])
  }

  @Test(arguments: discrete, 1...20)
  func descendsFromNoiseToData(_ spacing: TimestepSpacing, _ count: Int) throws {
    let times = try times(spacing, .withoutFirst, count)
    #expect(times.count == count + 1)
    #expect(times.last == -1)
    #expect(spacing == .leading || count == 1 || times.first == 999)
    #expect(zip(times, times.dropFirst()).allSatisfy { $0 > $1 })
  }

  // The published search (Xue et al. 2024) over the same bound, for this schedule.
  @Test(arguments: [
    [999, 657.8, 498.1, 309.2, 99.5], [999, 710.3, 535.3, 420.5, 239.3, 81.8],
  ]) func findsThePublishedOptimum(_ expected: [Double]) throws {
    let times = try times(.optimized, .withoutFirst, expected.count)
    for (time, other) in zip(times, expected) { #expect(abs(time - other) < 0.2) }
  }
}
