internal import Torch

/// The coefficients of the method of Dormand and Prince (1980), with Shampine's error estimate and
/// interpolation (1986).
enum DormandPrince {
  private static let nodes = [1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1]
  private static let weights: [[Double]] = [
    [1.0 / 5],
    [3.0 / 40, 9.0 / 40],
    [44.0 / 45, -56.0 / 15, 32.0 / 9],
    [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
    [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
    [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84],
  ]
  private static let errorWeights: [Double] = [
    35.0 / 384 - 1951.0 / 21600, 0, 500.0 / 1113 - 22642.0 / 50085, 125.0 / 192 - 451.0 / 720,
    -2187.0 / 6784 + 12231.0 / 42400, 11.0 / 84 - 649.0 / 6300, -1.0 / 60,
  ]
  private static let middleWeights: [Double] = [
    6025192743.0 / 30085553152 / 2, 0, 51252292925.0 / 65400821598 / 2,
    -2691868925.0 / 45128329728 / 2, 187940372067.0 / 1594534317056 / 2,
    -1776094331.0 / 19743644256 / 2, 11237099.0 / 235043384 / 2,
  ]

  /// The slopes of a step: at its start, at five points on the way, and at its end.
  ///
  /// - Parameters:
  ///   - x: latents at the start, `[N, C, H, W]`
  ///   - first: the slope there.
  ///   - stepSize: the length of the step.
  ///   - slope: of latents at a distance from the start.
  /// - Returns: 7 slopes, copies, and the latents at the end.
  static func stages(
    _ x: Tensor, _ first: Tensor, _ stepSize: Double, _ slope: (Tensor, Double) -> Tensor
  ) -> (slopes: [Tensor], end: Tensor) {
    var (slopes, end) = ([first], x)
    for (node, weights) in zip(nodes, weights) {
      end = x + sum(slopes, weights, stepSize)
      slopes.append(slope(end, node * stepSize))
    }
    return (slopes, end)
  }

  /// The difference to the method of order 4.
  static func error(_ slopes: [Tensor], _ stepSize: Double) -> Tensor {
    sum(slopes, errorWeights, stepSize)
  }

  /// The latents within a step, by a polynomial of order 4 through both ends and the middle.
  ///
  /// - Parameters:
  ///   - x: latents at the start.
  ///   - end: latents at the end.
  ///   - slopes: of the step.
  ///   - stepSize: its length.
  ///   - position: 0 at the start ... 1 at the end.
  /// - Returns: latents, `[N, C, H, W]`
  static func interpolated(
    _ x: Tensor, _ end: Tensor, _ slopes: [Tensor], _ stepSize: Double, at position: Double
  ) -> Tensor {
    let middle = x + sum(slopes, middleWeights, stepSize)
    let (first, last) = (slopes[0] * stepSize, slopes[6] * stepSize)
    let fourth = (last - first) * 2 - (end + x) * 8 + middle * 16
    let third = first * 5 - last * 3 + x * 18 + end * 14 - middle * 32
    let second = last - first * 4 - x * 11 - end * 5 + middle * 16
    return (((fourth * position + third) * position + second) * position + first) * position + x
  }

  private static func sum(_ slopes: [Tensor], _ weights: [Double], _ stepSize: Double) -> Tensor {
    let terms = zip(slopes, weights).filter { $0.1 != 0 }.map { $0 * ($1 * stepSize) }
    return terms.dropFirst().reduce(terms[0]) { $0 + $1 }
  }
}
