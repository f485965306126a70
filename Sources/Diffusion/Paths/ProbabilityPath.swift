/// How data and noise mix over time: x = α x₀ + σ ε.
///
/// Source: Albergo et al. 2023 and Lipman et al. 2023; a diffusion process with discrete steps is one
/// of them (``NoiseSchedule``). A network sees times in the path's own scale.
public protocol ProbabilityPath: Sendable {
  /// The time of pure noise, or the noisiest time of training.
  var noiseTime: Double { get }
  /// The time of clean data, where α is 1 and σ is 0.
  var dataTime: Double { get }

  /// The first time of a multistep sampler, at which log(α / σ) is finite.
  var multistepTime: Double { get }
  /// Whether a network knows `dataTime`, so that a sampler may ask it there.
  var asksAtDataTime: Bool { get }
  /// What samplers of the probability flow ODE go along.
  var odeVariable: ODEVariable { get }

  /// The mixture at a time between `noiseTime` and `dataTime`.
  func point(at time: Double) -> PathPoint

  /// The place of a time on the way from data, 0, to noise, 1, in a scale that all paths share.
  func position(of time: Double) -> Double
}

/// What a solver of the probability flow ODE takes its steps along.
public enum ODEVariable: Sendable {
  /// σ / α, of x / α, whose slope is the noise (Karras et al. 2022, equation 4): as diffusers for models
  /// with discrete steps.
  case noiseRatio
  /// The path's time, of x, whose slope is the velocity: as the published flows.
  case time
}

/// The mixture of data and noise at one time.
public struct PathPoint: Sendable, Equatable {
  /// α, the factor of the data.
  public let alpha: Double
  /// σ, the factor of the noise.
  public let sigma: Double
  /// dα/dt, per unit of the path's time.
  public let alphaSlope: Double
  /// dσ/dt, per unit of the path's time.
  public let sigmaSlope: Double

  /// A point with its slopes.
  public init(alpha: Double, sigma: Double, alphaSlope: Double, sigmaSlope: Double) {
    self.alpha = alpha
    self.sigma = sigma
    self.alphaSlope = alphaSlope
    self.sigmaSlope = sigmaSlope
  }
}
