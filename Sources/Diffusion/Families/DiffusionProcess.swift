/// How a network was trained: the family, and with it the meaning of times and outputs.
public struct DiffusionProcess: Sendable {
  /// The family.
  public let family: ModelFamily
  /// How data and noise mix over the times that the network sees.
  public let path: any ProbabilityPath
  /// What the network's output stands for.
  public let parametrization: Parametrization
  /// The flow; nil for a process with discrete steps.
  public let flow: Flow?
  /// The guidance that is usual for this very model; empty for that of the family.
  public var usualGuidance: [UsualGuidance] = []
  /// What else is usual for this very model: the sampler, its steps and guidance hold where none are
  /// chosen.
  public var usualOptions = SamplingOptions()

  /// A diffusion process with the published 1000 discrete steps.
  ///
  /// - Parameter learnsVariance: whether a second half of the output's channels holds the variance.
  /// - Returns: the process.
  public static func ddpm(learnsVariance: Bool) -> DiffusionProcess {
    DiffusionProcess(
      family: .dit, path: NoiseSchedule.linear,
      parametrization: .noise(learnsVariance: learnsVariance), flow: nil)
  }

  /// A flow in the scale of times of a family.
  ///
  /// REPA's code never asks the network at the time of data.
  public static func flow(_ flow: Flow = Flow(), of family: ModelFamily = .sit) -> DiffusionProcess
  {
    DiffusionProcess(
      family: family,
      path: FlowPath(
        flow.shape, family.direction, ends: flow.samplingEnds,
        asksAtDataTime: family != .repa, hasAverages: family.predictsAverages),
      parametrization: flow.parametrization, flow: flow)
  }

  /// The usual guidance for a number of steps; nil for that of the family.
  func usualGuidance(forSteps stepCount: Int?) -> UsualGuidance? {
    usualGuidance.filter { $0.stepCount <= stepCount ?? .max }.max { $0.stepCount < $1.stepCount }
  }
}
