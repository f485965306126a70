public import Torch

/// The distribution of times in training.
public enum TimestepDistribution: Sendable, Codable, Equatable {
  /// All equally often.
  case uniform
  /// The logistic function of a normal variable (Esser et al. 2024, section 3.1), in the path's own scale
  /// of times.
  case logitNormal(mean: Double, deviation: Double)
}

extension NoiseSchedule {
  /// Draws timesteps for training.
  ///
  /// - Parameters:
  ///   - count: the number of rows.
  ///   - distribution: of the timesteps, as shares of all.
  ///   - generator: on the processor.
  /// - Returns: `[count]`, int64
  public func drawTimes(
    _ count: Int, _ distribution: TimestepDistribution, generator: Generator
  ) -> Tensor {
    switch distribution {
    case .uniform: return .randint(0..<self.count, [count], generator: generator)
    case .logitNormal(let mean, let deviation):
      let share = logisticNormal(count, mean: mean, deviation: deviation, generator: generator)
      return (share * Double(self.count)).clamped(min: 0, max: Double(self.count - 1)).to(.int64)
    }
  }
}

extension FlowPath {
  /// Draws times for training, between the ends of the path.
  ///
  /// - Parameters:
  ///   - count: the number of rows.
  ///   - distribution: of the times.
  ///   - generator: on the processor.
  /// - Returns: `[count]`, float32
  public func drawTimes(
    _ count: Int, _ distribution: TimestepDistribution, generator: Generator
  ) -> Tensor {
    switch distribution {
    case .uniform:
      return .rand([count], generator: generator) * (dataTime - noiseTime) + noiseTime
    case .logitNormal(let mean, let deviation):
      return logisticNormal(count, mean: mean, deviation: deviation, generator: generator)
        .clamped(min: min(noiseTime, dataTime), max: max(noiseTime, dataTime))
    }
  }
}

/// The logistic function of normal numbers, `[count]`, 0 ... 1.
private func logisticNormal(
  _ count: Int, mean: Double, deviation: Double, generator: Generator
) -> Tensor {
  let normal = Tensor.randn([count], generator: generator) * deviation + mean
  return ((-normal).exponential + 1).reciprocal
}
