/// Failure of a job's processes to start or continue together.
public struct LaunchError: Error, CustomStringConvertible, Equatable {
  /// What is wrong and what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  /// Makes an error.
  public init(_ message: String) { self.message = message }
}
