internal import Foundation
public import Torch

extension SamplingMethod {
  /// The unified predictor-corrector.
  public static let unipc = SamplingMethod("unipc", UniPC.self)
}

/// UniPC-2 or UniPC-3 with B₂(h) = eʰ - 1 (Zhao et al. 2023, algorithms 1 and 2), as diffusers'
/// `UniPCMultistepScheduler` takes it: each prediction also corrects the latents that it was made for.
///
/// One call of the network a step. The order falls to 1 towards the end.
public struct UniPC: GridSampler {
  public static let defaultStepCount: Int? = 10
  public static let gridConvention = GridConvention.withoutFirst
  public static let options: Set<SamplerOptions.Key> = [.solverOrder]

  private(set) var steps: TimeSteps
  private let order: Int
  private var history: DataHistory
  /// The last step: where it started from, and its order.
  private var last: (latents: Tensor, point: PathPoint, order: Int)?

  public static func spacing(forSteps stepCount: Int) -> TimestepSpacing {
    TimestepSpacing.forMultistep(stepCount)
  }

  public init(
    path: any ProbabilityPath, times: [Double], options: SamplerOptions
  ) throws(DiffusionError) {
    guard [2, 3].contains(options.solverOrder) else {
      throw DiffusionError(.solverOrder, "unipc of order \(options.solverOrder): there are 2 and 3")
    }
    steps = TimeSteps(times)
    order = options.solverOrder
    history = DataHistory(capacity: options.solverOrder)
  }

  public mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    let (start, end) = (predict.path.point(at: steps.time), predict.path.point(at: steps.nextTime))
    let x0 = predict(x, at: steps.time).x0
    let corrected =
      last.map {
        moved($0.latents, from: $0.point, to: start, order: $0.order, newest: x0)
      } ?? x
    history.add(x0, at: start)
    let order = history.order(order, stepsLeft: steps.count - steps.index)
    last = (corrected, start, order)
    steps.advance()
    return moved(corrected, from: start, to: end, order: order, newest: nil)
  }

  public mutating func keep(_ rows: Tensor) {
    history.keep(rows)
    last = last.map { ($0.latents.gathered(rows), $0.point, $0.order) }
  }

  /// One step of the predictor, or of the corrector if `newest`, the prediction at its end, is known. The
  /// history ends at its start.
  private func moved(
    _ x: Tensor, from start: PathPoint, to end: PathPoint, order: Int, newest: Tensor?
  ) -> Tensor {
    let h = end.lambda - start.lambda
    let (current, factor) = (history[0], -end.alpha * expm1(-h))
    // Known predictions, with their positions in units of h from the start of the step.
    var known = (1..<order).map { age in
      (x0: history[age].x0, position: (history[age].lambda - current.lambda) / h)
    }
    if let newest { known.append((newest, 1)) }
    let weights = UniPC.weights(known.map(\.position), h)
    let base = x * (end.sigma / start.sigma) + current.x0 * factor
    return zip(known, weights).reduce(base) { sum, item in
      let (prediction, weight) = item
      return sum + (prediction.x0 - current.x0) * (factor * weight / prediction.position)
    }
  }

  /// ρ of the differences at positions r: the solution of Σₖ rₖʲ⁻¹ ρₖ = j! φⱼ₊₁(-h) (-h) / B₂(-h), for j
  /// from 1 (equation 8). A single weight is 1/2, which holds for small h (appendix F).
  private static func weights(_ positions: [Double], _ h: Double) -> [Double] {
    guard positions.count > 1 else { return positions.map { _ in 0.5 } }
    let base = expm1(-h)
    var (phi, factorial) = (base / -h - 1, 1.0)
    var rows: [[Double]] = []
    for power in 0..<positions.count {
      rows.append(positions.map { pow($0, Double(power)) } + [phi * factorial / base])
      factorial *= Double(power + 2)
      phi = phi / -h - 1 / factorial
    }
    return solution(rows)
  }

  /// The solution of a linear system without zero pivots, by elimination. Each row has the right side as its
  /// last element.
  private static func solution(_ rows: [[Double]]) -> [Double] {
    var rows = rows
    for pivot in rows.indices {
      let scale = rows[pivot][pivot]
      rows[pivot] = rows[pivot].map { $0 / scale }
      for other in rows.indices where other != pivot {
        let factor = rows[other][pivot]
        rows[other] = zip(rows[other], rows[pivot]).map { $0 - factor * $1 }
      }
    }
    return rows.map { $0[rows.count] }
  }
}
