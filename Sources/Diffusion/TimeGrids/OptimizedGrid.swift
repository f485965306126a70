internal import Foundation
internal import Synchronization

/// Times that minimize a bound on the error of a multistep sampler with few steps.
///
/// Source: Xue et al. 2024 (CVPR), section 4: the sum, over the times of the network, of the error of its
/// predicted data, taken as σ² / α, times the weight that a polynomial of at most third order gives it.
/// As in the published code, weights are summed with their signs before their size is taken, but with 7
/// steps or fewer the first three steps are bounded each by itself. The search starts from equal
/// distances in time and is over the logarithms of the distances in λ = log(α / σ), so that no order of
/// times is lost.
public struct OptimizedGrid: TimeGrid {
  /// The most steps that the search is made for.
  private static let limit = 50
  /// Times that were computed, for the batches after the first.
  private static let found = Mutex<[Search: [Double]]>([:])

  /// What decides the times.
  private struct Search: Hashable {
    let stepCount: Int
    let timesteps: [Int]
    let betas: [Double]
  }

  /// The grid.
  public init() {}

  public func times(
    _ stepCount: Int, on path: any ProbabilityPath
  ) throws(DiffusionError) -> [Double] {
    let schedule = try path.noiseSchedule(for: "optimized")
    guard (1...OptimizedGrid.limit).contains(stepCount) else {
      throw DiffusionError(
        .stepCount,
        "\(stepCount) sampling steps with optimized times: the number must be from 1 to"
          + " \(OptimizedGrid.limit)")
    }
    let search = Search(
      stepCount: stepCount, timesteps: schedule.timesteps, betas: schedule.betas)
    if let times = OptimizedGrid.found.withLock({ $0[search] }) { return times }
    let times = minimum(stepCount, schedule)
    OptimizedGrid.found.withLock { $0[search] = times }
    return times
  }

  private func minimum(_ stepCount: Int, _ schedule: NoiseSchedule) -> [Double] {
    let (first, last) = (Double(schedule.timesteps[0]), schedule.noiseTime)
    let distance = (last - first) / Double(stepCount)
    let start = (0...stepCount).map { schedule.point(at: last - Double($0) * distance).lambda }
    let span = (start[0], start[stepCount])
    let steps = BFGS.minimum(
      of: { SamplingErrorBound.value(lambdas($0, span)) },
      from: zip(start.dropFirst(), start).map { log($0 - $1) })
    let inner = lambdas(steps, span).dropFirst().dropLast().map { time(of: $0, on: schedule) }
    return [last] + inner + [schedule.dataTime]
  }

  /// λ at the ends of the steps, from the logarithms of their lengths up to a common factor.
  private func lambdas(_ steps: [Double], _ span: (Double, Double)) -> [Double] {
    let greatest = steps.reduce(-.infinity, max)
    let lengths = steps.map { exp($0 - greatest) }
    let scale = (span.1 - span.0) / lengths.reduce(0, +)
    return lengths.dropLast().reduce(into: [span.0]) { $0.append(($0.last ?? 0) + $1 * scale) }
      + [span.1]
  }

  /// The time at which the path has a λ, by bisection.
  private func time(of lambda: Double, on schedule: NoiseSchedule) -> Double {
    var (low, high) = (Double(schedule.timesteps[0]), schedule.noiseTime)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if schedule.point(at: middle).lambda > lambda { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}

/// The bound of `OptimizedGrid`.
private enum SamplingErrorBound {
  /// The steps at the start that are bounded each by itself.
  private static let separateStepCount = 3

  /// The bound for steps that end at some λ, ascending.
  static func value(_ lambdas: [Double]) -> Double {
    let count = lambdas.count - 1
    let errors = lambdas.map { lambda in
      let (alphaSquare, sigmaSquare) = (1 / (1 + exp(-2 * lambda)), 1 / (1 + exp(2 * lambda)))
      return sigmaSquare / alphaSquare.squareRoot()
    }
    var (sum, sums) = (0.0, [Double](repeating: 0, count: count))
    for step in 0..<count {
      let order = min(3, step + 1, count - step)
      let weights = weights(step, order, lambdas)
      let parts = weights.enumerated().map { $0.element * errors[step - order + 1 + $0.offset] }
      if order == 1 || step < separateStepCount {
        sum += parts.reduce(0) { $0 + $1 * $1 }.squareRoot()
      } else {
        for (offset, part) in parts.enumerated() { sums[step - order + 1 + offset] += part }
      }
    }
    return sum + sums.reduce(0) { $0 + abs($1) }
  }

  /// The integrals over a step of e^λ times the Lagrange polynomials through the last times, oldest
  /// first.
  private static func weights(_ step: Int, _ order: Int, _ lambdas: [Double]) -> [Double] {
    let (start, h) = (lambdas[step], lambdas[step + 1] - lambdas[step])
    let scale = exp(start)
    // The moments ∫ e^(start + x) xᵏ dx over 0..h.
    let m0 = scale * expm1(h)
    let m1 = scale * (exp(h) * h) - m0
    let m2 = scale * (exp(h) * h * h) - 2 * m1
    let nodes = (0..<order).map { lambdas[step - order + 1 + $0] - start }
    return nodes.indices.map { index in
      let others = nodes.indices.filter { $0 != index }.map { nodes[$0] }
      let divisor = others.reduce(1) { $0 * (nodes[index] - $1) }
      switch others.count {
      case 0: return m0
      case 1: return (m1 - others[0] * m0) / divisor
      default: return (m2 - (others[0] + others[1]) * m1 + others[0] * others[1] * m0) / divisor
      }
    }
  }
}
