internal import Foundation

/// The learning rate over the steps of a run: a linear warm-up, then a decay.
public struct LearningRateSchedule: Sendable, Codable, Equatable {
  /// The curve from start to end.
  public enum Shape: String, Sendable, Codable, CaseIterable {
    /// The start rate throughout.
    case constant
    /// A straight line.
    case linear
    /// Half a cosine (Loshchilov & Hutter 2017, equation 5).
    case cosine
    /// Quadratic.
    case polynomial
  }

  /// The curve of the decay.
  public var shape: Shape
  /// The rate after the warm-up.
  public var start: Double
  /// The rate after the decay.
  public var end: Double
  /// Steps of the warm-up.
  public var warmupCount: Int
  /// Steps of the decay, after the warm-up; 0 for all remaining steps.
  public var decayCount: Int

  /// A schedule, constant by default.
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
  ///   - step: the number of the step, from 0.
  ///   - total: the steps of the whole run, for a decay over all remaining steps.
  /// - Returns: start (step + 1) / warm-up during the warm-up, then the rate of the curve.
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
