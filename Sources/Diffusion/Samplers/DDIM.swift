public import Torch

extension SamplingMethod {
  /// Denoising diffusion implicit models.
  public static let ddim = SamplingMethod("ddim", DDIM.self)
}

/// Denoising diffusion implicit models (Song et al. 2021, equations 12 and 16).
///
/// As in the published code, noise is drawn at every step, also with an eta of 0, and the numbers of
/// a step are tensors of float32, whose square roots libtorch rounds in its own way.
public struct DDIM: GridSampler {
  public static let defaultStepCount: Int? = 50
  public static let gridConvention = GridConvention.wholeSteps
  public static let options: Set<SamplerOptions.Key> = [.eta]

  private(set) var steps: TimeSteps
  private let eta: Double
  private let alphaBars: [Double]
  private let previousAlphaBars: [Double]

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .respaced }

  public static func fits(_ path: any ProbabilityPath) -> Bool { path is NoiseSchedule }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    let schedule = try path.noiseSchedule(for: "ddim").respaced(at: times.dropLast().reversed())
    steps = TimeSteps(times)
    eta = options.eta
    alphaBars = schedule.alphaBars
    previousAlphaBars = schedule.previousAlphaBars
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let t = steps.count - 1 - steps.index
    let x0 = predict(x, at: steps.time).x0
    let fresh = noise()
    steps.advance()

    func tensor(_ value: Double) -> Tensor { .full([1, 1, 1, 1], value, device: x.device) }
    let sqrtRecipAlphaBar = tensor((1 / alphaBars[t]).squareRoot())
    let sqrtRecipM1AlphaBar = tensor((1 / alphaBars[t] - 1).squareRoot())
    let epsilon = (sqrtRecipAlphaBar * x - x0) / sqrtRecipM1AlphaBar

    let (alphaBar, previous) = (tensor(alphaBars[t]), tensor(previousAlphaBars[t]))
    let sigma =
      ((-previous + 1) / (-alphaBar + 1)).squareRoot * (-(alphaBar / previous) + 1).squareRoot * eta
    let mean =
      x0 * previous.squareRoot + (-previous + 1 - sigma.squared).squareRoot * epsilon
    return t > 0 ? mean + sigma * fresh : mean
  }
}
