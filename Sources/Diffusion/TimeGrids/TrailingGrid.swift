/// Timesteps with equal distances that end at the last of a noise schedule.
///
/// Source: Lin et al. 2024, table 2, and `timestep_spacing="trailing"` of diffusers.
public struct TrailingGrid: TimeGrid {
  /// The grid.
  public init() {}

  public func times(
    _ stepCount: Int, on path: any ProbabilityPath
  ) throws(DiffusionError) -> [Double] {
    let schedule = try path.noiseSchedule(for: "trailing")
    try schedule.check(stepCount: stepCount)
    let distance = Double(schedule.count) / Double(stepCount)
    let times = (0..<stepCount).map { step in
      let end = (Double(schedule.count) - Double(step) * distance).rounded(.toNearestOrEven)
      return Double(schedule.timesteps[Int(end) - 1])
    }
    return times + [schedule.dataTime]
  }
}
