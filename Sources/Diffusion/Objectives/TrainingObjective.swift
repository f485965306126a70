public import Torch

/// What training minimizes, by name.
public enum TrainingObjective: Sendable, Codable, Equatable {
  /// The loss of a DDPM (``HybridObjective``).
  case ddpm(weighting: LossWeighting)
  /// The loss of a flow (``FlowObjective``), in SiT's scale of times.
  case flow(Flow, weighting: FlowWeighting, directionWeight: Double = 0)
  /// The loss of an average velocity (``MeanFlowObjective``), in SiT's scale of times.
  case meanFlow(MeanFlowSettings)

  /// The flow; nil for a process with discrete steps.
  public var flow: Flow? {
    switch self {
    case .ddpm: nil
    case .flow(let flow, _, _): flow
    case .meanFlow: Flow()
    }
  }

  /// Whether the model learns average velocities.
  public var isMeanFlow: Bool { if case .meanFlow = self { true } else { false } }

  /// What a resumed run must have in common: `ddpm`, `meanflow`, or `flow` with its path and
  /// prediction.
  public var name: String {
    isMeanFlow
      ? "meanflow" : flow.map { "flow \($0.shape.rawValue) \($0.prediction.rawValue)" } ?? "ddpm"
  }

  /// How a model is trained by it.
  ///
  /// - Parameter learnsVariance: whether the variance is learned too.
  /// - Returns: the process.
  public func process(learnsVariance: Bool) -> DiffusionProcess {
    flow.map { .flow($0, of: isMeanFlow ? .meansit : .sit) }
      ?? .ddpm(learnsVariance: learnsVariance)
  }

  /// The objective of a network of times alone.
  ///
  /// - Parameters:
  ///   - learnsVariance: whether the variance is learned too.
  ///   - device: where it is computed.
  /// - Returns: the objective; for average velocities that of the velocity.
  public func objective(learnsVariance: Bool, device: Device) -> any Objective {
    switch self {
    case .ddpm(let weighting):
      HybridObjective(learnsVariance: learnsVariance, weighting: weighting, device: device)
    case .flow(let flow, let weighting, let directionWeight):
      FlowObjective(flow, weighting: weighting, directionWeight: directionWeight)
    case .meanFlow: FlowObjective()
    }
  }

  /// Draws the times of a batch.
  ///
  /// - Parameters:
  ///   - count: the number of rows.
  ///   - distribution: of the times.
  ///   - generator: on the processor.
  /// - Returns: times, `[count]`, int64 for discrete steps, else float32; and how far average velocities go from
  ///   them, nil for others.
  public func drawTimes(
    _ count: Int, _ distribution: TimestepDistribution, generator: Generator
  ) -> (times: Tensor, spans: Tensor?) {
    switch self {
    case .ddpm: (NoiseSchedule.linear.drawTimes(count, distribution, generator: generator), nil)
    case .flow(let flow, _, _):
      (flow.trainingPath.drawTimes(count, distribution, generator: generator), nil)
    case .meanFlow(let settings):
      settings.drawTimes(count, distribution, generator: generator)
    }
  }

  /// How noisy rows are at some times: 0 for data, 1 for noise.
  ///
  /// - Parameter times: of `drawTimes`, `[N]`.
  /// - Returns: N numbers.
  public func noiseLevels(of times: Tensor) -> [Double] {
    switch self {
    case .ddpm:
      let last = Double(NoiseSchedule.linear.count)
      return times.to(.float64).elements(Double.self).map { $0 / last }
    case .flow, .meanFlow:
      let path = (flow ?? Flow()).trainingPath
      return times.to(.float64).elements(Double.self).map {
        ($0 - path.dataTime) / (path.noiseTime - path.dataTime)
      }
    }
  }
}
