/// Timesteps with equal distances from the last of a noise schedule to the first.
///
/// Source: `timestep_spacing="linspace"` of the schedulers in diffusers. A single step starts from the
/// last timestep, where some of them take the first.
public struct LinspaceGrid: TimeGrid {
  private let convention: GridConvention

  /// The grid in a form.
  public init(_ convention: GridConvention) { self.convention = convention }

  public func times(
    _ stepCount: Int, on path: any ProbabilityPath
  ) throws(DiffusionError) -> [Double] {
    let schedule = try path.noiseSchedule(for: "linspace")
    let leavesFirst = convention == .withoutFirst
    try schedule.check(stepCount: stepCount, below: leavesFirst ? 1 : 0)
    let intervals = leavesFirst ? stepCount : max(1, stepCount - 1)
    let (first, last) = (Double(schedule.timesteps[0]), schedule.noiseTime)
    let times = (0..<stepCount).map { step in
      let time = step == 0 ? last : last - (last - first) * Double(step) / Double(intervals)
      return convention == .fractionalSteps ? time : time.rounded(.toNearestOrEven)
    }
    return times + [schedule.dataTime]
  }
}
