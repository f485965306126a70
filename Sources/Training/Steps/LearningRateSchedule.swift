internal import Foundation

/// The learning rate over the steps of a run: a linear warm-up, then a decay to an end.
public struct LearningRateSchedule: Sendable, Equatable {
  /// How the rate goes from start to end.
  public enum Shape: String, Sendable, CaseIterable {
    /// It stays at the start.
    case constant
    case linear
    /// Half a cosine (Loshchilov & Hutter 2017, equation 5).
    case cosine
    /// A square.
    case polynomial
  }

  /// How the rate goes.
  public var shape: Shape
  /// The rate after the warm-up.
  public var start: Double
  /// The rate after the decay.
  public var end: Double
  /// Steps of the warm-up.
  public var warmupCount: Int
  /// Steps of the decay, after the warm-up; 0 for all that are left.
  public var decayCount: Int

  /// A schedule; constant unless something else is said.
  public init(
    _ shape: Shape = .constant, start: Double, end: Double = 0, warmupCount: Int = 0,
    decayCount: Int = 0
  ) {
    self.shape = shape
    self.start = start
    self.end = end
    self.warmupCount = warmupCount
    self.decayCount = decayCount
  }

  /// The rate of a step.
  ///
  /// - Parameters:
  ///   - step: from 0.
  ///   - total: the steps of the whole run, for a decay of no length of its own.
  /// - Returns: start (step + 1) / warm-up during the warm-up, then what the shape says.
  public func rate(at step: Int, of total: Int) -> Double {
    guard step >= warmupCount else { return start * Double(step + 1) / Double(warmupCount) }
    let length = decayCount > 0 ? decayCount : max(total - warmupCount, 1)
    let progress = min(1, Double(step - warmupCount) / Double(length))
    return switch shape {
    case .constant: start
    case .linear: start + (end - start) * progress
    case .cosine: end + (start - end) * 0.5 * (1 + cos(Double.pi * progress))
    case .polynomial: end + (start - end) * (1 - progress) * (1 - progress)
    }
  }
}
