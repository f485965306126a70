internal import Foundation

/// A diffusion process with discrete steps, given by the variance that each step adds.
///
/// All tables are float64, in ascending order of timesteps. Notation and equation numbers: Ho et al.
/// 2020.
public struct NoiseSchedule: Sendable {
  /// βₜ, the variance that step t adds.
  public let betas: [Double]
  /// The timestep of the full process at each step.
  public let timesteps: [Int]
  /// ᾱₜ, the product of 1 - β up to t: the share of the data's variance that is left.
  public let alphaBars: [Double]
  /// ᾱₜ₋₁, 1 at the first step.
  public let previousAlphaBars: [Double]
  /// The number of steps of the full process.
  private let fullCount: Int

  /// The linear schedule of Ho et al. 2020, section 4: 1000 steps from 0.0001 to 0.02.
  public static let linear = NoiseSchedule(betas: linearBetas, timesteps: Array(0..<1000))

  private static var linearBetas: [Double] {
    let (first, last, count) = (0.0001, 0.02, 1000)
    let step = (last - first) / Double(count - 1)
    return (0..<count).map { $0 == count - 1 ? last : Double($0) * step + first }
  }

  /// - Parameters:
  ///   - betas: the variances.
  ///   - timesteps: of the full process, ascending.
  ///   - fullCount: the number of steps of the full process; nil if these are all.
  init(betas: [Double], timesteps: [Int], fullCount: Int? = nil) {
    self.betas = betas
    self.timesteps = timesteps
    self.fullCount = fullCount ?? betas.count
    var products: [Double] = []
    for beta in betas { products.append((products.last ?? 1) * (1 - beta)) }
    alphaBars = products
    previousAlphaBars = [1] + products.dropLast()
  }

  /// The number of steps.
  public var count: Int { betas.count }

  /// A schedule of some of the steps, with the same ᾱ at them.
  ///
  /// Source: Nichol & Dhariwal 2021, equation 19.
  ///
  /// - Parameter kept: timesteps of this schedule, ascending.
  /// - Returns: the shorter schedule.
  /// - Throws: `DiffusionError` for a time between the steps.
  public func respaced(at kept: [Double]) throws(DiffusionError) -> NoiseSchedule {
    var betas: [Double] = []
    var previous = 1.0
    for time in kept {
      let index = index(atOrAfter: time)
      guard Double(timesteps[index]) == time else {
        throw DiffusionError(
          .time,
          "ddpm and ddim take whole timesteps, and \(time) is none: they need the spacing respaced,"
            + " linspace, trailing or leading")
      }
      betas.append(1 - alphaBars[index] / previous)
      previous = alphaBars[index]
    }
    return NoiseSchedule(
      betas: betas, timesteps: kept.map { Int($0) }, fullCount: fullCount)
  }

  /// β̃ₜ, the variance of q(xₜ₋₁ | xₜ, x₀) (equation 7).
  public var posteriorVariances: [Double] {
    zip(betas, zip(previousAlphaBars, alphaBars)).map { $0 * (1 - $1.0) / (1 - $1.1) }
  }

  /// log β̃ₜ. The first, the logarithm of 0, is replaced by the second.
  public var posteriorLogVariances: [Double] { withoutFirst(posteriorVariances).map { log($0) } }

  /// log βₜ
  public var logBetas: [Double] { betas.map { log($0) } }

  /// The fixed large variance: log βₜ, with the first replaced by the second of log β̃ₜ.
  public var fixedLargeLogVariances: [Double] {
    let first = withoutFirst(posteriorVariances)[0]
    return ([first] + betas.dropFirst()).map { log($0) }
  }

  /// The factor of x₀ in the mean of q(xₜ₋₁ | xₜ, x₀) (equation 7).
  public var posteriorMeanX0Coefficients: [Double] {
    zip(betas, zip(previousAlphaBars, alphaBars)).map {
      $0 * $1.0.squareRoot() / (1 - $1.1)
    }
  }

  /// The factor of xₜ in the mean of q(xₜ₋₁ | xₜ, x₀) (equation 7).
  public var posteriorMeanXtCoefficients: [Double] {
    zip(betas, zip(previousAlphaBars, alphaBars)).map {
      (1 - $1.0) * (1 - $0).squareRoot() / (1 - $1.1)
    }
  }

  /// The values with the first replaced by the second, or by β if there is only one.
  private func withoutFirst(_ values: [Double]) -> [Double] {
    [values.count > 1 ? values[1] : betas[0]] + values.dropFirst()
  }
}

extension NoiseSchedule: ProbabilityPath {
  /// The last timestep.
  public var noiseTime: Double { Double(timesteps[count - 1]) }

  /// -1, one step before the first timestep.
  public var dataTime: Double { -1 }
  public var multistepTime: Double { noiseTime }
  public var asksAtDataTime: Bool { false }
  public var odeVariable: ODEVariable { .noiseRatio }

  /// √ᾱₜ and √(1 - ᾱₜ). Between timesteps σ / α is interpolated linearly, as in diffusers.
  public func point(at time: Double) -> PathPoint {
    let upper = index(atOrAfter: time)
    let start = upper > 0 ? Double(timesteps[upper - 1]) : dataTime
    let end = Double(timesteps[upper])
    let (low, high) = (upper > 0 ? noiseRatio(upper - 1) : 0, noiseRatio(upper))
    let slope = (high - low) / (end - start)
    let ratio = low + (time - start) * slope
    let isTimestep = time == end
    let alpha = isTimestep ? alphaBars[upper].squareRoot() : 1 / (1 + ratio * ratio).squareRoot()
    let sigma = isTimestep ? (1 - alphaBars[upper]).squareRoot() : ratio * alpha
    let cube = alpha * alpha * alpha
    return PathPoint(
      alpha: alpha, sigma: sigma, alphaSlope: -ratio * slope * cube, sigmaSlope: slope * cube)
  }

  /// The timestep over the number of steps of the full process; 0 for `dataTime`.
  public func position(of time: Double) -> Double { max(time, 0) / Double(fullCount) }

  /// The first step with a timestep of at least `time`, or the last step.
  private func index(atOrAfter time: Double) -> Int {
    var (low, high) = (0, count - 1)
    while low < high {
      let middle = (low + high) / 2
      if Double(timesteps[middle]) < time { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// σ / α at a step.
  private func noiseRatio(_ step: Int) -> Double {
    ((1 - alphaBars[step]) / alphaBars[step]).squareRoot()
  }
}

extension ProbabilityPath {
  /// The path as a process with discrete steps.
  ///
  /// - Parameter user: the spacing or sampler that needs one, for the message.
  /// - Returns: the schedule.
  /// - Throws: `DiffusionError` for another path.
  func noiseSchedule(for user: String) throws(DiffusionError) -> NoiseSchedule {
    guard let schedule = self as? NoiseSchedule else {
      throw DiffusionError(
        .path,
        "\(user) times are for models trained on discrete steps; a flow has linspace and shifted")
    }
    return schedule
  }
}
