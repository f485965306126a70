/// A model that cannot be run as asked.
public struct InferenceError: Error, CustomStringConvertible, Equatable {
  /// What is wrong and what to do.
  public let message: String

  /// Makes an error.
  public init(_ message: String) { self.message = message }

  /// The message.
  public var description: String { message }
}
