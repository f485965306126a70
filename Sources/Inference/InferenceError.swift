/// A model that cannot be run as asked.
public struct InferenceError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The cause.
  public enum Reason: Sendable, Equatable {
    /// The precision is for packed models, and the model is to run as written.
    case needsPacking
    /// The hardware has no such precision, or a weight does not go into it.
    case unsupportedPrecision
  }

  /// The cause.
  public let reason: Reason
  /// What is wrong, and where.
  public let message: String

  /// Makes an error.
  public init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
