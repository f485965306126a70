/// Times with equal distances from the last timestep of a noise schedule to the first, not rounded.
///
/// Source: `timestep_spacing="linspace"` of the Euler and Heun schedulers in diffusers. A single step
/// starts from the last timestep, where diffusers takes the first.
public struct LinspaceGrid: TimeGrid {
  /// The grid.
  public init() {}

  public func times(
    _ stepCount: Int, on path: any ProbabilityPath
  ) throws(DiffusionError) -> [Double] {
    let schedule = try path.noiseSchedule(for: "linspace")
    try schedule.check(stepCount: stepCount)
    let (first, last) = (Double(schedule.timesteps[0]), schedule.noiseTime)
    let times = (0..<stepCount).map { step in
      step == 0 ? last : last - (last - first) * Double(step) / Double(stepCount - 1)
    }
    return times + [schedule.dataTime]
  }
}
