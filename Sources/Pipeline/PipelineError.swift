/// A setting that cannot be, or a file that does not go with the others.
public struct PipelineError: Error, CustomStringConvertible, Equatable {
  /// The kinds of trouble that callers tell apart.
  public enum Code: Sendable {
    /// A setting is out of range or contradicts another.
    case setting
    /// A file or device does not serve.
    case unusable
  }

  /// The kind of trouble.
  public let code: Code
  /// What is wrong and what to do.
  public let message: String

  /// Makes an error.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
