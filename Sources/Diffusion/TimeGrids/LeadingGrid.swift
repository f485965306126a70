/// Timesteps with equal whole distances that begin at the first of a noise schedule; they leave out the
/// noisiest ones.
///
/// Source: Lin et al. 2024, table 2, and `timestep_spacing="leading"` of diffusers.
public struct LeadingGrid: TimeGrid {
  private let convention: GridConvention

  /// The grid in a form.
  public init(_ convention: GridConvention) { self.convention = convention }

  public func times(
    _ stepCount: Int, on path: any ProbabilityPath
  ) throws(DiffusionError) -> [Double] {
    let schedule = try path.noiseSchedule(for: "leading")
    let first = convention == .withoutFirst ? 1 : 0
    try schedule.check(stepCount: stepCount, below: first)
    let distance = schedule.count / (stepCount + first)
    let times = (first..<stepCount + first).map { Double(schedule.timesteps[$0 * distance]) }
    return times.reversed() + [schedule.dataTime]
  }
}
