internal import Foundation
internal import Torch

/// DPM-Solver++ over many steps (Lu et al. 2022, algorithm 2), as diffusers'
/// `DPMSolverMultistepScheduler` takes it: a Taylor polynomial of the predicted data over λ = log(α / σ).
///
/// The last step is of first order; with fewer than 15 steps the one before is of second order.
struct DPMSolver {
  private(set) var steps: TimeSteps
  private let order: Int
  private let isStochastic: Bool
  private var history: DataHistory

  /// A run of order 2 or 3. A stochastic one is of order 2, and adds fresh noise in each step (algorithm
  /// `sde-dpmsolver++`).
  init(_ times: [Double], order: Int, isStochastic: Bool = false) {
    steps = TimeSteps(times)
    self.order = order
    self.isStochastic = isStochastic
    history = DataHistory(capacity: order)
  }

  private var nextOrder: Int {
    let left = steps.count - steps.index
    let isShortened = left == 1 || (left == 2 && steps.count < 15)
    return history.order(order, stepsLeft: isShortened ? left : order)
  }

  mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let (start, end) = (predict.path.point(at: steps.time), predict.path.point(at: steps.nextTime))
    history.add(predict(x, at: steps.time).x0, at: start)
    let h = end.lambda - start.lambda
    let result =
      isStochastic
      ? stochastic(x, start, end, h, noise())
      : deterministic(x, start, end, h)
    steps.advance()
    return result
  }

  /// Goes on with some of the images.
  mutating func keep(_ rows: Tensor) { history.keep(rows) }

  private func deterministic(
    _ x: Tensor, _ start: PathPoint, _ end: PathPoint, _ h: Double
  ) -> Tensor {
    let base = x * (end.sigma / start.sigma) + history[0].x0 * (-end.alpha * expm1(-h))
    switch nextOrder {
    case 1: return base
    case 2: return base + firstDifference(h) * (-0.5 * end.alpha * expm1(-h))
    default:
      let (first, second) = differences(h)
      return base + first * (end.alpha * (expm1(-h) / h + 1))
        + second * (-end.alpha * ((expm1(-h) + h) / (h * h) - 0.5))
    }
  }

  private func stochastic(
    _ x: Tensor, _ start: PathPoint, _ end: PathPoint, _ h: Double, _ noise: Tensor
  ) -> Tensor {
    let kept = -expm1(-2 * h)
    let base =
      x * (end.sigma / start.sigma * exp(-h)) + history[0].x0 * (end.alpha * kept)
      + noise * (end.sigma * kept.squareRoot())
    guard nextOrder > 1 else { return base }
    return base + firstDifference(h) * (0.5 * end.alpha * kept)
  }

  /// The slope of the predicted data, times h.
  private func firstDifference(_ h: Double) -> Tensor {
    (history[0].x0 - history[1].x0) * (h / (history[0].lambda - history[1].lambda))
  }

  /// The first and second derivative of the predicted data, times h and h² (diffusers' D1 and D2).
  private func differences(_ h: Double) -> (Tensor, Tensor) {
    let r0 = (history[0].lambda - history[1].lambda) / h
    let r1 = (history[1].lambda - history[2].lambda) / h
    let newer = (history[0].x0 - history[1].x0) / r0
    let older = (history[1].x0 - history[2].x0) / r1
    let change = newer - older
    return (newer + change * (r0 / (r0 + r1)), change / (r0 + r1))
  }
}
