internal import Diffusion
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// How fast the error of each sampler without fresh noise falls with the number of steps, on a mixture of
/// normal distributions whose noise, velocity and solution are known.
///
/// The errors are attachments (`swift test --attachments-path`), in the form of `tools/plots/plot_steps.py`.
@Suite struct ConvergenceTests {
  /// A sampler with its options.
  private struct Solver {
    let name: String
    let method: SamplingMethod
    var options = SamplerOptions()
  }

  private static let mixture = GaussianMixture()
  private static let start = (0...32).map { -2 + Double($0) / 8 }
  private static let stepCounts = [5, 10, 20, 40, 80]
  /// Slopes are those over these numbers of steps.
  private static let fineStepCounts = [20, 40, 80]

  private static func solvers(_ methods: [SamplingMethod]) -> [Solver] {
    let chosen = methods.filter { ![.ddpm, .dpm2MSDE, .dopri5, .eulerSDE].contains($0) }
    return chosen.map { Solver(name: $0.name, method: $0) }
      + [
        Solver(
          name: "unipc of order 3", method: .unipc, options: SamplerOptions(solverOrder: 3))
      ]
  }

  /// The root of the mean squared error after some steps of a sampler.
  private static func error(
    _ sampler: any Sampler, stopAfter stepCount: Int, at end: Double, _ process: DiffusionProcess
  ) throws -> Double {
    let (path, mixture) = (process.path, mixture)
    let isFlow = process.family.isFlow
    let predictor = Predictor(
      { x, time in
        let point = path.point(at: time)
        return isFlow ? mixture.velocity(x, at: point) : mixture.noise(x, at: point)
      }, path: path, parametrization: process.parametrization)
    var sampler = sampler
    let first = try #require(sampler.time)
    let expected = mixture.solution(
      from: start, at: path.point(at: first), to: path.point(at: end))
    var x = Tensor(start, shape: [1, start.count, 1, 1])
    for _ in 0..<stepCount { x = sampler.step(x, predictor) { x } }
    let difference = x.flattened() - Tensor(expected)
    return difference.squared.mean().item.squareRoot()
  }

  /// Minus the slope of log error over log steps, by least squares over the larger numbers of steps.
  private static func order(_ errors: [Int: Double]) -> Double {
    let points = fineStepCounts.compactMap { count in
      errors[count].map { (x: log(Double(count)), y: log($0)) }
    }
    let mean = (
      x: points.reduce(0) { $0 + $1.x } / Double(points.count),
      y: points.reduce(0) { $0 + $1.y } / Double(points.count)
    )
    let (sum, squares) = points.reduce((0.0, 0.0)) { sums, point in
      let distance = point.x - mean.x
      return (sums.0 + distance * (point.y - mean.y), sums.1 + distance * distance)
    }
    return -sum / squares
  }

  /// Compares orders with their bounds, and attaches the errors.
  private static func check(
    _ name: String, _ errors: [(solver: String, errors: [Int: Double])],
    bounds: [String: ClosedRange<Double>]
  ) throws {
    for (solver, errors) in errors {
      let bound = try #require(bounds[solver], "\(solver) has no order here")
      let order = order(errors)
      #expect(bound.contains(order), "\(name): \(solver) is of order \(order)")
    }
    let header =
      ["steps"] + errors.map { "\($0.solver) (\(String(format: "%.1f", order($0.errors))))" }
    let rows = stepCounts.map { count in
      ["\(count)"] + errors.map { String(format: "%.3g", $0.errors[count] ?? .nan) }
    }
    let table = ([header] + rows).map { $0.joined(separator: "\t") + "\n" }.joined()
    Attachment.record(table, named: "convergence-\(name).tsv")
  }

  /// Whole runs on linspace times. A method of higher order ends with a step of first order, whose error
  /// falls by the square as its length does.
  @Test(arguments: [ModelFamily.dit, .sit]) func convergesInWholeRuns(_ family: ModelFamily) throws
  {
    let process = family.isFlow ? DiffusionProcess.flow() : .ddpm(learnsVariance: false)
    let errors = try Self.solvers(SamplingMethod.fitting(process.path)).map { solver in
      var options = solver.options
      options.timestepSpacing = .linspace
      let errors = try Self.stepCounts.map { count in
        let sampler = try solver.method.makeSampler(
          on: process.path, stepCount: count, options: options)
        let error = try Self.error(
          sampler, stopAfter: count, at: process.path.dataTime, process)
        return (count, error)
      }
      return (solver.name, Dictionary(uniqueKeysWithValues: errors))
    }
    let (first, second) = (0.85...1.2, 1.3...2.6)
    try Self.check(
      family.isFlow ? "flow" : "steps", errors,
      bounds: [
        "ddim": first, "euler": first, "heun": 1.8...2.4, "unipc": second,
        "unipc of order 3": second, "dpm++2m": second, "dpm++3m": second,
      ])
  }

  /// The formulas alone: steps of equal length in log(α / σ) on the linear flow, without those at the end.
  /// The corrector raises UniPC by one order. dpm++3m, as published, takes half of the second derivative,
  /// and is of second order.
  @Test func convergesBetweenTheEnds() throws {
    let process = DiffusionProcess.flow()
    let (low, high) = (log(0.001 / 0.999), log(0.9 / 0.1))
    let solvers = Self.solvers([.dpm2M, .dpm3M, .unipc])
    let errors = try solvers.map { solver in
      let errors = try Self.stepCounts.map { count in
        let times = (0..<count + 4).map { step in
          1 / (1 + exp(-(low + (high - low) * Double(step) / Double(count))))
        }
        let sampler = try Self.sampler(solver, process.path, times)
        return (
          count, try Self.error(sampler, stopAfter: count, at: times[count], process)
        )
      }
      return (solver.name, Dictionary(uniqueKeysWithValues: errors))
    }
    try Self.check(
      "formulas", errors,
      bounds: [
        "dpm++2m": 1.8...2.4, "dpm++3m": 1.8...2.7, "unipc": 2.7...3.4,
        "unipc of order 3": 3.5...5,
      ])
  }

  private static func sampler(
    _ solver: Solver, _ path: any ProbabilityPath, _ times: [Double]
  ) throws -> any Sampler {
    switch solver.method {
    case .dpm2M: try DPM2M(path: path, times: times, options: solver.options)
    case .dpm3M: try DPM3M(path: path, times: times, options: solver.options)
    default: try UniPC(path: path, times: times, options: solver.options)
    }
  }
}
