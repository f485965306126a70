public import Torch

/// What training minimizes, by name.
public enum TrainingObjective: Sendable, Codable, Equatable {
  /// The loss of a DDPM (``HybridObjective``).
  case ddpm(weighting: LossWeighting)
  /// The loss of a flow (``FlowObjective``), in SiT's scale of times.
  case flow(Flow, weighting: FlowWeighting, directionWeight: Double = 0)

  /// The flow; nil for a process with discrete steps.
  public var flow: Flow? {
    switch self {
    case .ddpm: nil
    case .flow(let flow, _, _): flow
    }
  }

  /// What a resumed run must have in common: `ddpm`, or `flow` with its path and prediction.
  public var name: String {
    flow.map { "flow \($0.shape.rawValue) \($0.prediction.rawValue)" } ?? "ddpm"
  }

  /// How a model is trained by it.
  ///
  /// - Parameter learnsVariance: whether the variance is learned too.
  /// - Returns: the process.
  public func process(learnsVariance: Bool) -> DiffusionProcess {
    flow.map { .flow($0) } ?? .ddpm(learnsVariance: learnsVariance)
  }

  /// The objective.
  ///
  /// - Parameters:
  ///   - learnsVariance: whether the variance is learned too.
  ///   - device: where it is computed.
  /// - Returns: the objective.
  public func objective(learnsVariance: Bool, device: Device) -> any Objective {
    switch self {
    case .ddpm(let weighting):
      HybridObjective(learnsVariance: learnsVariance, weighting: weighting, device: device)
    case .flow(let flow, let weighting, let directionWeight):
      FlowObjective(flow, weighting: weighting, directionWeight: directionWeight)
    }
  }

  /// Draws the times of a batch.
  ///
  /// - Parameters:
  ///   - count: the number of rows.
  ///   - distribution: of the times.
  ///   - generator: on the processor.
  /// - Returns: `[count]`, int64 for discrete steps, else float32.
  public func drawTimes(
    _ count: Int, _ distribution: TimestepDistribution, generator: Generator
  ) -> Tensor {
    switch self {
    case .ddpm: NoiseSchedule.linear.drawTimes(count, distribution, generator: generator)
    case .flow(let flow, _, _):
      flow.trainingPath.drawTimes(count, distribution, generator: generator)
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
    case .flow(let flow, _, _):
      let path = flow.trainingPath
      return times.to(.float64).elements(Double.self).map {
        ($0 - path.dataTime) / (path.noiseTime - path.dataTime)
      }
    }
  }
}
