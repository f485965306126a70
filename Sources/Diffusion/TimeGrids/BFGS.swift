/// Minimization without constraints (Nocedal & Wright 2006, algorithm 6.1).
enum BFGS {
  /// A local minimum.
  ///
  /// Slopes are central differences. A step moves no coordinate by more than 0.1, which keeps the search in
  /// the valley that it starts in, and is halved until it descends (condition 3.4). The search ends where
  /// no step descends, or after 200 steps.
  ///
  /// - Parameters:
  ///   - function: of a point.
  ///   - start: a point near the minimum.
  /// - Returns: the point.
  static func minimum(of function: ([Double]) -> Double, from start: [Double]) -> [Double] {
    let count = start.count
    var (point, value, slope) = (start, function(start), self.slope(function, start))
    var inverse = identity(count)
    for _ in 0..<200 {
      var direction = inverse.map { -dot($0, slope) }
      if dot(direction, slope) >= 0 {
        inverse = identity(count)
        direction = slope.map { -$0 }
      }
      let greatest = direction.reduce(0) { max($0, abs($1)) }
      if greatest > 0.1 { direction = direction.map { $0 * 0.1 / greatest } }
      guard let length = descent(function, point, value, direction, dot(direction, slope)) else {
        return point
      }
      let step = direction.map { $0 * length }
      point = zip(point, step).map(+)
      value = function(point)
      let next = self.slope(function, point)
      let change = zip(next, slope).map(-)
      slope = next
      let curvature = dot(step, change)
      // Without curvature along the step the estimate stays.
      guard curvature > 1e-12 else { continue }
      let product = inverse.map { dot($0, change) }
      let factor = (1 + dot(change, product) / curvature) / curvature
      for row in 0..<count {
        for column in 0..<count {
          inverse[row][column] +=
            factor * step[row] * step[column]
            - (product[row] * step[column] + step[row] * product[column]) / curvature
        }
      }
    }
    return point
  }

  /// The length of a step that descends; nil if even a tiny one does not.
  private static func descent(
    _ function: ([Double]) -> Double, _ point: [Double], _ value: Double, _ direction: [Double],
    _ slope: Double
  ) -> Double? {
    var length = 1.0
    while length > 1e-12 {
      let next = function(zip(point, direction).map { $0 + length * $1 })
      if next <= value + 1e-4 * length * slope, next < value { return length }
      length /= 2
    }
    return nil
  }

  private static func slope(_ function: ([Double]) -> Double, _ point: [Double]) -> [Double] {
    point.indices.map { index in
      let width = 1e-6
      var (above, below) = (point, point)
      above[index] += width
      below[index] -= width
      return (function(above) - function(below)) / (2 * width)
    }
  }

  private static func identity(_ count: Int) -> [[Double]] {
    (0..<count).map { row in (0..<count).map { $0 == row ? 1 : 0 } }
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
