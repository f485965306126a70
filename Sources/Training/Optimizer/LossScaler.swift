/// How the loss is scaled, so that small gradients survive in float16.
public enum LossScaling: Sendable, Equatable, Codable {
  /// The same factor in every step.
  case constant(Double)
  /// Divided by `factor` after an overflow, multiplied by it after `window` steps without one.
  case dynamic(initial: Double, factor: Double, window: Int)

  /// The scale of the first step.
  var initial: Double {
    switch self {
    case .constant(let scale): scale
    case .dynamic(let initial, _, _): initial
    }
  }

  private var isDynamic: Bool {
    if case .dynamic = self { true } else { false }
  }

  /// Whether a run with this scaling can continue from the scale of a run with the other.
  func continues(_ other: LossScaling) -> Bool {
    (isDynamic, initial) == (other.isDynamic, other.initial)
  }
}

/// Tracks the loss scale (Micikevicius et al. 2018, section 3.2).
public struct LossScaler: Sendable, Equatable {
  /// The factor of the loss.
  public private(set) var scale: Double
  /// Steps since the last change.
  public private(set) var goodStepCount: Int
  /// The rule by which it changes.
  public let scaling: LossScaling

  /// A scaler before the first step.
  public init(_ scaling: LossScaling) {
    self.scaling = scaling
    goodStepCount = 0
    scale = scaling.initial
  }

  /// Updates the scale after a step.
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

  /// Continues from the values of an earlier run.
  public mutating func restore(scale: Double, goodStepCount: Int) {
    self.scale = scale
    self.goodStepCount = goodStepCount
  }
}
