internal import Torch

/// A sampler whose steps are those of a `DPMSolver`.
protocol DPMSampler: GridSampler {
  /// Its entry in the registry.
  static var method: SamplingMethod { get }
  /// The run.
  var solver: DPMSolver { get set }

  /// A run over a grid of times.
  static func makeSolver(_ times: [Double]) -> DPMSolver
  /// A sampler of a run.
  init(solver: DPMSolver)
}

extension DPMSampler {
  public static var defaultStepCount: Int? { 20 }
  public static var gridConvention: GridConvention { .withoutFirst }

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing {
    TimestepSpacing.forMultistep(stepCount)
  }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    self.init(solver: Self.makeSolver(times))
  }

  var steps: TimeSteps { solver.steps }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    solver.step(x, predict, noise: noise)
  }

  public mutating func keep(_ rows: Tensor) { solver.keep(rows) }
}
