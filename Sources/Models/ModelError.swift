/// Why the tensors of a file are not those of a known model.
public struct ModelError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The cause.
  public enum Reason: Sendable, Equatable {
    /// The number of attention heads does not divide the width.
    case headCount
    /// The groups of an autoencoder's norms do not divide its widths.
    case groupCount
    /// The class table has neither a row for each class nor one more.
    case classCount
    /// Any other cause.
    case other
  }

  /// The cause.
  public let reason: Reason
  /// What is wrong, and where.
  public let message: String
  /// The message.
  public var description: String { message }

  /// Makes an error.
  public init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  /// Makes an error with the reason `other`.
  public init(_ message: String) { self.init(.other, message) }
}
