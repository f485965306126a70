internal import Foundation
public import Torch

extension SamplingMethod {
  /// The adaptive method of Dormand and Prince.
  public static let dopri5 = SamplingMethod("dopri5", Dopri5.self)
}

/// The Runge-Kutta method of order 5 with steps by its own error estimate (Dormand & Prince 1980), as
/// `dopri5` of torchdiffeq takes it, the default of SiT's code.
///
/// The error is a mean over the whole batch, so an image depends on those beside it. The last step goes
/// beyond the end, and the latents are interpolated there. It is for flows, and draws no noise.
public struct Dopri5: Sampler {
  public static let defaultStepCount: Int? = nil
  public static let gridConvention = GridConvention.fractionalSteps
  public static let options: Set<SamplerOptions.Key> = [.atol, .rtol]
  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }
  public static func fits(_ path: any ProbabilityPath) -> Bool { !(path is NoiseSchedule) }

  /// A step of this length, of which a run has 1, or less is taken whatever its error; the next one is as
  /// long.
  private static let shortest = 1e-5

  public let stepCount: Int? = nil
  public let networkTimes: [Double]? = nil
  public var time: Double? { elapsed < length ? time(after: elapsed) : nil }

  private let start: Double
  private let length: Double
  private let direction: Double
  private let tolerance: (absolute: Double, relative: Double)
  /// From `start`, in the direction of data.
  private var elapsed = 0.0
  /// The slope at `elapsed` and the length of the next step; nil before the first.
  private var next: (slope: Tensor, stepSize: Double)?

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    guard options.atol > 0, options.rtol > 0 else {
      throw DiffusionError(
        .tolerance, "dopri5: its tolerances \(options.atol) and \(options.rtol) must be above 0")
    }
    (start, length) = (path.noiseTime, abs(path.dataTime - path.noiseTime))
    direction = path.dataTime > path.noiseTime ? 1 : -1
    tolerance = (options.atol, options.rtol)
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    // A product is a copy: the network may use the memory of its output again.
    func slope(_ x: Tensor, _ elapsed: Double) -> Tensor {
      predict(x, at: time(after: elapsed)).velocity * direction
    }
    var (first, stepSize) = next ?? begin(x, slope)
    while true {
      let (stages, result) = DormandPrince.stages(x, first, stepSize) { slope($0, elapsed + $1) }
      let error = self.error(of: stages, stepSize, from: x, to: result)
      let isLast = elapsed + stepSize >= length
      let size = stepSize
      stepSize *= factor(error)
      guard error <= 1 || size <= Dopri5.shortest else { continue }
      if error > 1 { stepSize = Dopri5.shortest }
      defer { elapsed += size }
      // Latents that are not finite stay so.
      guard error.isFinite else {
        elapsed = length
        return result
      }
      next = (stages[6], stepSize)
      guard isLast else { return result }
      return DormandPrince.interpolated(
        x, result, stages, size, at: (length - elapsed) / size)
    }
  }

  public mutating func keep(_ rows: Tensor) {
    next = next.map { ($0.slope.gathered(rows), $0.stepSize) }
  }

  private func time(after elapsed: Double) -> Double { start + direction * elapsed }

  /// The slope at the start, and the length of the first step (Hairer et al. 1993, section II.4).
  private func begin(
    _ x: Tensor, _ slope: (Tensor, Double) -> Tensor
  ) -> (slope: Tensor, stepSize: Double) {
    let first = slope(x, 0)
    let scale = x.magnitude * tolerance.relative + tolerance.absolute
    let (size, speed) = (rootMeanSquare(x / scale), rootMeanSquare(first / scale))
    let trial = size < 1e-5 || speed < 1e-5 ? 1e-6 : 0.01 * size / speed
    let change = rootMeanSquare((slope(x + first * trial, trial) - first) / scale) / trial
    let fastest = max(speed, change)
    let guess = fastest <= 1e-15 ? max(1e-6, trial * 1e-3) : pow(0.01 / fastest, 0.2)
    let stepSize = min(100 * trial, guess)
    return (first, stepSize.isFinite ? stepSize : Dopri5.shortest)
  }

  /// The estimated error in units of the tolerance.
  private func error(
    of stages: [Tensor], _ stepSize: Double, from x: Tensor, to result: Tensor
  ) -> Double {
    let largest = x.magnitude.maximum(result.magnitude)
    return rootMeanSquare(
      DormandPrince.error(stages, stepSize) / (largest * tolerance.relative + tolerance.absolute))
  }

  /// How much longer the next step is.
  private func factor(_ error: Double) -> Double {
    guard error > 0 else { return error == 0 ? 10 : 0.2 }
    return min(10, max(0.9 / pow(error, 0.2), error < 1 ? 1 : 0.2))
  }

  private func rootMeanSquare(_ x: Tensor) -> Double {
    x.squared.mean().squareRoot.elements(Float.self).first.map { Double($0) } ?? .nan
  }
}
