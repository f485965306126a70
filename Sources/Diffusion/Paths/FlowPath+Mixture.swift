internal import Foundation
internal import Torch

/// Numbers and tensors, as the formulas of a path need them.
protocol PathNumber {
  static prefix func - (a: Self) -> Self
  static func + (a: Self, b: Double) -> Self
  static func * (a: Self, b: Double) -> Self
  static func * (a: Self, b: Self) -> Self
  static func / (a: Self, b: Self) -> Self
  var sine: Self { get }
  var cosine: Self { get }
  var exponential: Self { get }
  var squareRoot: Self { get }
}

extension Tensor: PathNumber {}

/// One number. `Double` itself would make operators ambiguous.
struct PathScalar: PathNumber {
  let value: Double

  init(_ value: Double) { self.value = value }

  static prefix func - (a: Self) -> Self { Self(-a.value) }
  static func + (a: Self, b: Double) -> Self { Self(a.value + b) }
  static func * (a: Self, b: Double) -> Self { Self(a.value * b) }
  static func * (a: Self, b: Self) -> Self { Self(a.value * b.value) }
  static func / (a: Self, b: Self) -> Self { Self(a.value / b.value) }
  var sine: Self { Self(sin(value)) }
  var cosine: Self { Self(cos(value)) }
  var exponential: Self { Self(exp(value)) }
  var squareRoot: Self { Self(value.squareRoot()) }
}

/// A path at some times.
struct FlowMixture<Number: PathNumber> {
  let alpha: Number
  let sigma: Number
  let alphaSlope: Number
  let sigmaSlope: Number
}

extension FlowPath {
  /// α, σ and their slopes over the path's own time.
  func mixture<Number: PathNumber>(at time: Number) -> FlowMixture<Number> {
    let isReversed = direction == .towardsData
    let sign: Double = isReversed ? -1 : 1
    let parts = shape.mixture(at: isReversed ? -time + 1 : time)
    return FlowMixture(
      alpha: parts.alpha, sigma: parts.sigma, alphaSlope: parts.alphaSlope * sign,
      sigmaSlope: parts.sigmaSlope * sign)
  }
}

extension FlowPath.Shape {
  /// β of the variance-preserving process at s = 0, and how much more it is at s = 1.
  private static let vpBeta = (start: 0.1, growth: 19.9)

  private var quarterTurn: Double { .pi / 2 }

  /// α, σ and their slopes over s, the share of noise.
  fileprivate func mixture<Number: PathNumber>(
    at s: Number
  ) -> (alpha: Number, sigma: Number, alphaSlope: Number, sigmaSlope: Number) {
    switch self {
    case .linear:
      let zero = s * 0
      return (-s + 1, s, zero + -1, zero + 1)
    case .gvp:
      let angle = s * quarterTurn
      let (alpha, sigma) = (angle.cosine, angle.sine)
      return (alpha, sigma, sigma * -quarterTurn, alpha * quarterTurn)
    case .vp:
      let (start, growth) = Self.vpBeta
      let half = s * (-0.25 * growth) + (-0.5 * start)
      let logAlpha = half * s
      let alpha = logAlpha.exponential
      let square = alpha * alpha
      let sigma = (-square + 1).squareRoot
      let alphaSlope = (s * (-0.5 * growth) + (-0.5 * start)) * alpha
      return (alpha, sigma, alphaSlope, -(alpha * alphaSlope) / sigma)
    }
  }
}
