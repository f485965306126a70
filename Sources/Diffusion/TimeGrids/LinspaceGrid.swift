/// Times with equal distances from noise to data.
///
/// On discrete steps they are those from the last to the first, as `timestep_spacing="linspace"` of the
/// schedulers in diffusers gives them; a single step starts from the last, where some of them take the
/// first. On flows all steps are equally long, that to the time of data included.
public struct LinspaceGrid: TimeGrid {
  private let convention: GridConvention

  /// The grid in a form.
  public init(_ convention: GridConvention) { self.convention = convention }

  public func times(
    _ stepCount: Int, on path: any ProbabilityPath
  ) throws(DiffusionError) -> [Double] {
    let leavesFirst = convention == .withoutFirst
    guard let schedule = path as? NoiseSchedule else {
      guard stepCount > 0 else {
        throw DiffusionError(.stepCount, "\(stepCount) sampling steps: there must be 1 at least")
      }
      let start = leavesFirst ? path.multistepTime : path.noiseTime
      return equalTimes(stepCount, from: start, to: path.dataTime)
    }
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
