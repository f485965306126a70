public import Torch

// N batch, C channels, H W image.

/// What a network's output stands for.
public enum Parametrization: Sendable, Equatable {
  /// The noise ε (Ho et al. 2020). A learned variance doubles the channels (Nichol & Dhariwal 2021,
  /// section 3.1).
  case noise(learnsVariance: Bool)
  /// The clean data x₀.
  case x0
  /// dx/dt, in the path's own time (Lipman et al. 2023).
  case velocity
  /// The gradient of the log density, -ε / σ (Song et al. 2021b).
  case score

  /// x₀ from the latents and the output at a point of the path.
  func x0(at point: PathPoint) -> Combination {
    let (alpha, sigma) = (point.alpha, point.sigma)
    return switch self {
    case .noise: Combination(latents: 1 / alpha, output: -sigma / alpha)
    case .x0: Combination(latents: 0, output: 1)
    case .velocity:
      Combination(
        latents: point.sigmaSlope / point.determinant, output: -sigma / point.determinant)
    case .score: Combination(latents: 1 / alpha, output: sigma * sigma / alpha)
    }
  }

  /// ε from the latents and the output at a point of the path.
  func noise(at point: PathPoint) -> Combination {
    let (alpha, sigma) = (point.alpha, point.sigma)
    return switch self {
    case .noise: Combination(latents: 0, output: 1)
    case .x0: Combination(latents: 1 / sigma, output: -alpha / sigma)
    case .velocity:
      Combination(
        latents: -point.alphaSlope / point.determinant, output: alpha / point.determinant)
    case .score: Combination(latents: 0, output: -sigma)
    }
  }

  /// dx/dt from the latents and the output at a point of the path.
  func velocity(at point: PathPoint) -> Combination {
    guard self != .velocity else { return Combination(latents: 0, output: 1) }
    let (x0, noise) = (x0(at: point), noise(at: point))
    return Combination(
      latents: point.alphaSlope * x0.latents + point.sigmaSlope * noise.latents,
      output: point.alphaSlope * x0.output + point.sigmaSlope * noise.output)
  }

  /// The log of a learned variance, between those of β̃ and β (Nichol & Dhariwal 2021, equation 15).
  ///
  /// - Parameters:
  ///   - values: the second half of the output's channels, `[N, C, H, W]`
  ///   - low: log β̃, a shape that broadcasts.
  ///   - high: log β, in the same shape.
  /// - Returns: `[N, C, H, W]`
  static func logVariance(_ values: Tensor, between low: Tensor, and high: Tensor) -> Tensor {
    let fraction = (values + 1) / 2
    return fraction * high + (-fraction + 1) * low
  }

  /// Whether a second half of the output's channels holds the variance.
  var learnsVariance: Bool { self == .noise(learnsVariance: true) }
}

extension PathPoint {
  /// α σ' - α' σ, the determinant of the map from x₀ and ε to x and dx/dt.
  fileprivate var determinant: Double { alpha * sigmaSlope - alphaSlope * sigma }
}

/// A weighted sum of the latents and the network's output.
struct Combination {
  /// The weight of the latents.
  let latents: Double
  /// The weight of the output.
  let output: Double

  /// The sum, `[N, C, H, W]`.
  func callAsFunction(_ x: Tensor, _ output: Tensor) -> Tensor {
    guard latents != 0 else { return self.output == 1 ? output : output * self.output }
    return x * latents + output * self.output
  }
}

/// A network's output for latents at one time, in whichever terms a sampler wants it.
public struct Prediction {
  private let x: Tensor
  private let output: Tensor
  private let point: PathPoint
  private let parametrization: Parametrization

  /// Reads an output.
  ///
  /// - Parameters:
  ///   - output: `[N, C, H, W]`, or `[N, 2 C, H, W]`, of which only a learned variance uses the second
  ///     half.
  ///   - x: the latents, `[N, C, H, W]`
  ///   - point: the path at their time.
  ///   - parametrization: what the output stands for.
  public init(
    _ output: Tensor, for x: Tensor, at point: PathPoint, as parametrization: Parametrization
  ) {
    self.output = output
    self.x = x
    self.point = point
    self.parametrization = parametrization
  }

  private var mean: Tensor { output.narrowed(axis: 1, start: 0, count: x.size(1)) }

  /// The predicted x₀, never clipped, `[N, C, H, W]`.
  public var x0: Tensor { parametrization.x0(at: point)(x, mean) }

  /// The predicted ε, `[N, C, H, W]`.
  public var noise: Tensor { parametrization.noise(at: point)(x, mean) }

  /// The predicted gradient of the log density, -ε / σ, `[N, C, H, W]`.
  public var score: Tensor { noise * (-1 / point.sigma) }

  /// The predicted dx/dt, `[N, C, H, W]`.
  public var velocity: Tensor { parametrization.velocity(at: point)(x, mean) }

  /// The log of the learned variance of one step.
  ///
  /// - Parameters:
  ///   - low: log β̃ of the step, a shape that broadcasts to `[N, C, H, W]`.
  ///   - high: log β of the step, in the same shape.
  /// - Returns: `[N, C, H, W]`; nil if the network does not predict it.
  public func logVariance(between low: Tensor, and high: Tensor) -> Tensor? {
    guard parametrization.learnsVariance else { return nil }
    let values = output.narrowed(axis: 1, start: x.size(1), count: x.size(1))
    return Parametrization.logVariance(values, between: low, and: high)
  }
}

/// Predicts at a time for the first rows of a batch, or for all: latents `[N, C, H, W]` to an output
/// with as many channels or twice as many.
public typealias Network = (_ latents: Tensor, _ time: Double) -> Tensor

/// Predicts the average velocity from a time to another: latents `[N, C, H, W]` to as many channels.
///
/// From a time to itself it is the velocity at that time.
public typealias AverageNetwork = (_ latents: Tensor, _ start: Double, _ end: Double) -> Tensor

/// A network together with what its times and its output mean.
public struct Predictor {
  /// The path that the network was trained on.
  public let path: any ProbabilityPath
  private let parametrization: Parametrization
  private let network: AverageNetwork
  private let interval: GuidanceInterval
  private let unguided: Network?
  private var stepTime: Double?
  private var observer: ((Prediction) -> Void)?

  /// A predictor over a network.
  ///
  /// - Parameters:
  ///   - network: predicts with guidance.
  ///   - interval: the times of guidance.
  ///   - unguided: predicts without guidance, at other times; nil if there are none.
  ///   - path: what the network was trained on.
  ///   - parametrization: what its output stands for.
  public init(
    _ network: @escaping Network, during interval: GuidanceInterval = .all,
    otherwise unguided: Network? = nil, path: any ProbabilityPath, parametrization: Parametrization
  ) {
    self.network = { latents, time, _ in network(latents, time) }
    self.interval = interval
    self.unguided = unguided
    self.path = path
    self.parametrization = parametrization
  }

  /// A predictor over a network of average velocities, guidance included.
  ///
  /// - Parameters:
  ///   - network: predicts them.
  ///   - path: what the network was trained on.
  public init(average network: @escaping AverageNetwork, path: any ProbabilityPath) {
    self.network = network
    interval = .all
    unguided = nil
    self.path = path
    parametrization = .velocity
  }

  /// The same predictor for one step.
  ///
  /// - Parameters:
  ///   - time: decides on guidance in the whole step, as in the published code of Heun's method; nil to
  ///     decide at each time.
  ///   - observer: shown each prediction.
  /// - Returns: the predictor.
  func inStep(from time: Double?, showing observer: @escaping (Prediction) -> Void) -> Predictor {
    var copy = self
    copy.stepTime = time
    copy.observer = observer
    return copy
  }

  /// Asks the network once.
  ///
  /// - Parameters:
  ///   - x: latents, `[N, C, H, W]`
  ///   - time: their time on the path.
  ///   - end: of the way whose average velocity is asked for; nil for the velocity at `time`.
  /// - Returns: the prediction.
  public func callAsFunction(
    _ x: Tensor, at time: Double, until end: Double? = nil
  ) -> Prediction {
    // The last step of an adaptive sampler asks beyond the ends.
    let position = min(max(path.position(of: stepTime ?? time), 0), 1)
    let isGuided = interval.contains(position)
    let output = !isGuided ? unguided?(x, time) : nil
    let prediction = Prediction(
      output ?? network(x, time, end ?? time), for: x, at: path.point(at: time),
      as: parametrization)
    observer?(prediction)
    return prediction
  }
}
