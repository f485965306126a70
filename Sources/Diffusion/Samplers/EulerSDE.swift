public import Torch

extension SamplingMethod {
  /// The Euler-Maruyama method.
  public static let eulerSDE = SamplingMethod("euler-sde", EulerSDE.self)
}

/// The Euler-Maruyama method on the reverse SDE of a flow, as SiT's and REPA's code takes it (Ma et al.
/// 2024, equation 5): the velocity and w times the score, and fresh noise of variance 2 w a unit of time.
///
/// The last step, of a length of its own, adds no noise.
public struct EulerSDE: GridSampler {
  public static let defaultStepCount: Int? = 250
  public static let gridConvention = GridConvention.fractionalSteps
  public static let options: Set<SamplerOptions.Key> = [
    .diffusionForm, .diffusionNorm, .lastStep, .lastStepSize,
  ]
  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }
  public static func fits(_ path: any ProbabilityPath) -> Bool { path is FlowPath }

  private(set) var steps: TimeSteps
  private let form: DiffusionForm
  private let norm: Double
  private let lastStep: LastStep

  /// Equal steps to the start of the last step, then that one.
  public static func times(
    _ stepCount: Int, on path: any ProbabilityPath, options: SamplerOptions
  ) throws(DiffusionError) -> [Double] {
    guard let flow = path as? FlowPath, (options.timestepSpacing ?? .linspace) == .linspace else {
      throw DiffusionError(.path, "euler-sde takes equal steps (linspace)")
    }
    // The diffusion of `sbdm` is infinite at noise.
    let start = options.diffusionForm == .sbdm ? flow.multistepTime : flow.noiseTime
    guard options.lastStep != .none else {
      return equalTimes(stepCount, from: start, to: flow.dataTime)
    }
    guard stepCount > 1 else {
      throw DiffusionError(
        .stepCount, "euler-sde takes at least 2 steps, the last one included, not \(stepCount)")
    }
    let size = options.lastStepSize
    guard size > 0, size < 1 else {
      throw DiffusionError(
        .stepCount, "euler-sde: the length \(size) of its last step must be between 0 and 1")
    }
    return equalTimes(stepCount - 1, from: start, to: flow.time(at: size)) + [flow.time(at: 0)]
  }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    guard options.diffusionNorm >= 0, options.diffusionNorm.isFinite else {
      throw DiffusionError(
        .diffusionNorm, "euler-sde: the norm \(options.diffusionNorm) must be 0 or more")
    }
    steps = TimeSteps(times)
    (form, norm, lastStep) = (options.diffusionForm, options.diffusionNorm, options.lastStep)
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let (path, time) = (predict.path, steps.time)
    let (distance, prediction) = (steps.nextTime - time, predict(x, at: time))
    steps.advance()
    let isLast = steps.isDone && lastStep != .none
    if isLast, lastStep == .tweedie { return prediction.x0 }
    let along = x + prediction.velocity * distance
    if isLast, lastStep == .euler { return along }
    let amount = form.value(on: path, at: time, norm: norm) * abs(distance)
    let mean = along + prediction.score * amount
    return isLast ? mean : mean + noise() * (2 * amount).squareRoot()
  }
}
