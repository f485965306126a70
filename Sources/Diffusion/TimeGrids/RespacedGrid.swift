/// Evenly spaced timesteps of a noise schedule, as the code published with DiT takes them.
///
/// Source: Nichol & Dhariwal 2021, section 4. Distances are fractional, and each timestep is rounded
/// half to even.
public struct RespacedGrid: TimeGrid {
  /// The grid.
  public init() {}

  public func times(
    _ stepCount: Int, on path: any ProbabilityPath
  ) throws(DiffusionError) -> [Double] {
    let schedule = try path.noiseSchedule(for: "respaced")
    try schedule.check(stepCount: stepCount)
    let stride = stepCount > 1 ? Double(schedule.count - 1) / Double(stepCount - 1) : 1
    var times: [Double] = []
    var index = 0.0
    for _ in 0..<stepCount {
      times.append(Double(schedule.timesteps[Int(index.rounded(.toNearestOrEven))]))
      index += stride
    }
    return times.reversed() + [schedule.dataTime]
  }
}
