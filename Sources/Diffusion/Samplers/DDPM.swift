public import Torch

extension SamplingMethod {
  /// Denoising diffusion probabilistic models.
  public static let ddpm = SamplingMethod("ddpm", DDPM.self)
}

/// Ancestral sampling (Ho et al. 2020, algorithm 2), with a learned variance where the network
/// predicts one (Nichol & Dhariwal 2021) and the fixed large one elsewhere.
///
/// As in the published code, noise is drawn at every step, also at the last one, which does not use
/// it.
public struct DDPM: GridSampler {
  public static let defaultStepCount: Int? = 250
  public static let gridConvention = GridConvention.wholeSteps

  private(set) var steps: TimeSteps
  private let x0Factors: [Double]
  private let xtFactors: [Double]
  private let logBetas: [Double]
  private let posteriorLogVariances: [Double]
  private let fixedLogVariances: [Double]

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .respaced }

  public static func fits(_ path: any ProbabilityPath) -> Bool { path is NoiseSchedule }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    let schedule = try path.noiseSchedule(for: "ddpm").respaced(at: times.dropLast().reversed())
    steps = TimeSteps(times)
    x0Factors = schedule.posteriorMeanX0Coefficients
    xtFactors = schedule.posteriorMeanXtCoefficients
    logBetas = schedule.logBetas
    posteriorLogVariances = schedule.posteriorLogVariances
    fixedLogVariances = schedule.fixedLargeLogVariances
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let t = steps.count - 1 - steps.index
    func tensor(_ value: Double) -> Tensor { .full([1, 1, 1, 1], value, device: x.device) }
    let prediction = predict(x, at: steps.time)
    let fresh = noise()
    steps.advance()
    let mean = prediction.x0 * x0Factors[t] + x * xtFactors[t]
    guard t > 0 else { return mean }
    let logVariance =
      prediction.logVariance(
        between: tensor(posteriorLogVariances[t]), and: tensor(logBetas[t]))
      ?? tensor(fixedLogVariances[t])
    return mean + (logVariance * 0.5).exponential * fresh
  }
}
