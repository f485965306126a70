/// How the loss is multiplied so that small gradients survive in float16.
public enum LossScaling: Sendable, Equatable, Codable {
  /// Always the same.
  case constant(Double)
  /// Halved (by `factor`) after an overflow, doubled after `window` steps without one.
  case dynamic(initial: Double, factor: Double, window: Int)

  /// The scale at the beginning.
  var initial: Double {
    switch self {
    case .constant(let scale): scale
    case .dynamic(let initial, _, _): initial
    }
  }

  private var isDynamic: Bool {
    if case .dynamic = self { true } else { false }
  }

  /// Whether a scale that the other has come to is one that this can go on from.
  func continues(_ other: LossScaling) -> Bool {
    (isDynamic, initial) == (other.isDynamic, other.initial)
  }
}

/// Keeps the loss scale (Micikevicius et al. 2018, section 3.2).
public struct LossScaler: Sendable, Equatable {
  /// What the loss is multiplied by.
  public private(set) var scale: Double
  /// Steps since the last change.
  public private(set) var goodStepCount: Int
  /// How it changes.
  public let scaling: LossScaling

  /// A scaler at its beginning.
  public init(_ scaling: LossScaling) {
    self.scaling = scaling
    goodStepCount = 0
    scale = scaling.initial
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
    if goodStepCount >= window {
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
