internal import Foundation

/// How much noise each step of the forward process adds, and what follows from it.
///
/// Everything is computed in float64. Notation and equation numbers: Ho et al. 2020.
public struct NoiseSchedule: Sendable {
  /// βₜ, the variance that step t adds.
  public let betas: [Double]
  /// The step of the full process that each step stands for, ascending.
  public let timesteps: [Int]
  /// ᾱₜ, the product of 1 - β up to t: the share of the signal that is left.
  public let alphaBars: [Double]
  /// ᾱₜ₋₁, 1 at the first step.
  public let previousAlphaBars: [Double]

  /// The linear schedule of Ho et al. 2020, section 4: 1000 steps from 0.0001 to 0.02.
  public static let linear = NoiseSchedule(betas: linearBetas, timesteps: Array(0..<1000))

  private static var linearBetas: [Double] {
    let (first, last, count) = (0.0001, 0.02, 1000)
    let step = (last - first) / Double(count - 1)
    return (0..<count).map { $0 == count - 1 ? last : Double($0) * step + first }
  }

  init(betas: [Double], timesteps: [Int]) {
    self.betas = betas
    self.timesteps = timesteps
    var products: [Double] = []
    for beta in betas { products.append((products.last ?? 1) * (1 - beta)) }
    alphaBars = products
    previousAlphaBars = [1] + products.dropLast()
  }

  /// The number of steps.
  public var count: Int { betas.count }

  /// A schedule of fewer, evenly spaced steps with the same ᾱ at those steps.
  ///
  /// Source: Nichol & Dhariwal 2021, section 4 and equation 19. Distances are fractional; places are
  /// rounded half to even.
  ///
  /// - Parameter count: from 1 to the number of steps.
  /// - Returns: the shorter schedule, whose timesteps are those of this one.
  /// - Throws: `DiffusionError` for another count.
  public func respaced(to count: Int) throws -> NoiseSchedule {
    guard (1...self.count).contains(count) else {
      throw DiffusionError(
        message: "\(count) sampling steps: the number must be from 1 to \(self.count)")
    }
    let stride = count > 1 ? Double(self.count - 1) / Double(count - 1) : 1
    var place = 0.0
    var betas: [Double] = []
    var kept: [Int] = []
    var previous = 1.0
    for _ in 0..<count {
      let index = Int(place.rounded(.toNearestOrEven))
      kept.append(timesteps[index])
      betas.append(1 - alphaBars[index] / previous)
      previous = alphaBars[index]
      place += stride
    }
    return NoiseSchedule(betas: betas, timesteps: kept)
  }

  /// β̃ₜ, the variance of q(xₜ₋₁ | xₜ, x₀) (equation 7).
  public var posteriorVariances: [Double] {
    zip(betas, zip(previousAlphaBars, alphaBars)).map { $0 * (1 - $1.0) / (1 - $1.1) }
  }

  /// log β̃ₜ, with the first, which is the log of 0, replaced by the second.
  public var posteriorLogVariances: [Double] { withoutFirst(posteriorVariances).map { log($0) } }

  /// log βₜ with the first replaced by the log of the posterior's second: the fixed large variance.
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

  /// The values with the first replaced by the second; by β of the only step if there is one.
  private func withoutFirst(_ values: [Double]) -> [Double] {
    [values.count > 1 ? values[1] : betas[0]] + values.dropFirst()
  }
}
