/// A path over continuous time, from data to noise or from noise to data.
///
/// Source: Ma et al. 2024 (SiT), section 2.2. A network that predicts noise, score or x₀ tells no
/// velocity at an end of the path: the ends are then left out, as in the published code.
public struct FlowPath: ProbabilityPath, Equatable {
  /// The mixture at a share s of noise, 0 ... 1.
  public enum Shape: String, Sendable, Codable, CaseIterable {
    /// α = 1 - s, σ = s (Lipman et al. 2023).
    case linear
    /// α = cos(π s / 2), σ = sin(π s / 2) (Albergo & Vanden-Eijnden 2023).
    case gvp
    /// The variance-preserving process with β from 0.1 to 20 (Song et al. 2021b, equation 33).
    case vp
  }

  /// Where data is on the scale of times.
  public enum Direction: Sendable, Equatable {
    /// 0 is noise and 1 is data, as in the code of SiT.
    case towardsData
    /// 0 is data and 1 is noise, as in the code of REPA.
    case towardsNoise
  }

  /// The mixture.
  public let shape: Shape
  /// The scale of times.
  public let direction: Direction
  public let asksAtDataTime: Bool
  /// Whether the network predicts the average velocity between two times.
  public let hasAverages: Bool
  /// The share of noise at `noiseTime` and at `dataTime`.
  private let ends: ClosedRange<Double>

  /// A path.
  ///
  /// - Parameters:
  ///   - shape: the mixture.
  ///   - direction: the scale of times.
  ///   - ends: the shares of noise between which the network can be asked.
  ///   - asksAtDataTime: whether samplers ask the network at `dataTime`.
  ///   - hasAverages: whether the network predicts the average velocity between two times.
  public init(
    _ shape: Shape, _ direction: Direction = .towardsData, ends: ClosedRange<Double> = 0...1,
    asksAtDataTime: Bool = true, hasAverages: Bool = false
  ) {
    self.shape = shape
    self.direction = direction
    self.ends = ends
    self.asksAtDataTime = asksAtDataTime
    self.hasAverages = hasAverages
  }

  public var noiseTime: Double { time(at: ends.upperBound) }
  public var dataTime: Double { time(at: ends.lowerBound) }
  public var odeVariable: ODEVariable { .time }

  /// The first time with some data in the mixture, 0.001 of the way from noise, as flows in diffusers
  /// start: log(α / σ) is finite there.
  public var multistepTime: Double {
    shape == .vp ? noiseTime : time(at: min(ends.upperBound, 0.999))
  }

  public func position(of time: Double) -> Double {
    direction == .towardsData ? 1 - time : time
  }

  /// The time at a share of noise.
  public func time(at position: Double) -> Double {
    direction == .towardsData ? 1 - position : position
  }

  public func point(at time: Double) -> PathPoint {
    let mixture = mixture(at: PathScalar(time))
    return PathPoint(
      alpha: mixture.alpha.value, sigma: mixture.sigma.value,
      alphaSlope: mixture.alphaSlope.value, sigmaSlope: mixture.sigmaSlope.value)
  }
}
