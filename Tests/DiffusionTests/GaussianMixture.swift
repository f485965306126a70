internal import Diffusion
internal import Foundation
internal import Torch

/// A mixture of normal distributions over single numbers, with the network that a perfect training would
/// give and the way that each number takes from noise to data.
struct GaussianMixture {
  /// A normal distribution and its share.
  struct Component {
    let weight: Double
    let mean: Double
    let deviation: Double

    /// The variance at a point of a path.
    func variance(at point: PathPoint) -> Double {
      let (data, noise) = (point.alpha * deviation, point.sigma)
      return data * data + noise * noise
    }
  }

  let components = [
    Component(weight: 0.3, mean: -0.8, deviation: 0.3),
    Component(weight: 0.7, mean: 0.8, deviation: 0.5),
  ]

  /// E[ε | x] and E[x₀ | x] at a point, in float64.
  private func expectation(
    _ x: Tensor, at point: PathPoint, _ value: (Component, _ scaled: Tensor) -> Tensor
  ) -> Tensor {
    let parts = components.map { component in
      let variance = component.variance(at: point)
      let distance = x - point.alpha * component.mean
      let density =
        (distance.squared * (-0.5 / variance)).exponential
        * (component.weight / variance.squareRoot())
      return (density, value(component, distance * (1 / variance)))
    }
    let total = parts.dropFirst().reduce(parts[0].0) { $0 + $1.0 }
    let sum = parts.dropFirst().reduce(parts[0].0 * parts[0].1) { $0 + $1.0 * $1.1 }
    return sum / total
  }

  /// The noise that is to be expected in x.
  func noise(_ x: Tensor, at point: PathPoint) -> Tensor {
    expectation(x, at: point) { _, scaled in scaled * point.sigma }
  }

  /// The velocity that is to be expected at x.
  func velocity(_ x: Tensor, at point: PathPoint) -> Tensor {
    let data = expectation(x, at: point) { component, scaled in
      scaled * (point.alpha * component.deviation * component.deviation) + component.mean
    }
    return data * point.alphaSlope + noise(x, at: point) * point.sigmaSlope
  }

  /// The share of the numbers below x.
  private func share(below x: Double, at point: PathPoint) -> Double {
    components.reduce(0) { sum, component in
      let distance = x - point.alpha * component.mean
      return sum + component.weight / 2
        * erfc(-distance / (2 * component.variance(at: point)).squareRoot())
    }
  }

  /// Where the probability flow takes numbers. In one dimension their order stays, and with it the share
  /// of numbers below each, so that no differential equation has to be solved.
  func solution(from x: [Double], at start: PathPoint, to end: PathPoint) -> [Double] {
    x.map { x in
      let share = share(below: x, at: start)
      var (low, high) = (-20.0, 20.0)
      for _ in 0..<80 {
        let middle = (low + high) / 2
        if self.share(below: middle, at: end) < share { low = middle } else { high = middle }
      }
      return (low + high) / 2
    }
  }
}
