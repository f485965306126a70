/// How the loss is multiplied so that small gradients survive in float16.
public enum LossScaling: Sendable, Equatable {
  /// Always the same.
  case constant(Double)
  /// Halved (by `factor`) after an overflow, doubled after `window` steps without one.
  case dynamic(initial: Double, factor: Double, window: Int)
}

/// Keeps the loss scale (Micikevicius et al. 2018, section 3.2).
public struct LossScaler: Sendable, Equatable {
  /// What the loss is multiplied by.
  public private(set) var scale: Double
  /// Steps since the last change.
  public private(set) var goodStepCount: Int
  private let scaling: LossScaling

  /// A scaler at its beginning.
  public init(_ scaling: LossScaling) {
    self.scaling = scaling
    goodStepCount = 0
    scale =
      switch scaling {
      case .constant(let scale): scale
      case .dynamic(let initial, _, _): initial
      }
  }

  /// Takes note of a step.
  public mutating func update(overflowed: Bool) {
    guard case .dynamic(_, let factor, let window) = scaling else { return }
    if overflowed {
      scale = max(scale / factor, 1)
      goodStepCount = 0
      return
    }
    goodStepCount += 1
    if goodStepCount == window {
      scale *= factor
      goodStepCount = 0
    }
  }

  /// Goes on from values of an earlier run.
  public mutating func restore(scale: Double, goodStepCount: Int) {
    self.scale = scale
    self.goodStepCount = goodStepCount
  }
}
