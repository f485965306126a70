/// The guidance of a model for some number of steps or more, unless another is chosen.
public struct UsualGuidance: Sendable, Equatable {
  /// The fewest steps.
  public let stepCount: Int
  /// The scale.
  public let scale: Double
  /// The interval.
  public let interval: GuidanceInterval

  /// Guidance for `stepCount` steps and more.
  public init(fromSteps stepCount: Int, scale: Double, interval: GuidanceInterval) {
    self.stepCount = stepCount
    self.scale = scale
    self.interval = interval
  }
}
