/// The times that a sampler steps through.
public protocol TimeGrid: Sendable {
  /// The times of the steps, from noise to data.
  ///
  /// - Parameters:
  ///   - stepCount: N, 1 or more.
  ///   - path: what the model was trained on.
  /// - Returns: N times that the steps start from, then the path's `dataTime`.
  /// - Throws: `DiffusionError` for too many steps, or for a path that the grid is not for.
  func times(_ stepCount: Int, on path: any ProbabilityPath) throws(DiffusionError) -> [Double]
}

extension NoiseSchedule {
  /// - Parameters:
  ///   - stepCount: the number of sampling steps.
  ///   - below: the timesteps that cannot be among them.
  /// - Throws: `DiffusionError` unless the schedule has as many steps.
  func check(stepCount: Int, below: Int = 0) throws(DiffusionError) {
    guard (1...count - below).contains(stepCount) else {
      throw DiffusionError(
        .stepCount, "\(stepCount) sampling steps: the number must be from 1 to \(count - below)")
    }
  }
}

/// Times with equal distances.
///
/// - Parameters:
///   - stepCount: N, 1 or more.
///   - start: the first.
///   - end: the last.
/// - Returns: N + 1 times.
func equalTimes(_ stepCount: Int, from start: Double, to end: Double) -> [Double] {
  (0..<stepCount).map { start + (end - start) * Double($0) / Double(stepCount) } + [end]
}
