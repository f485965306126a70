/// What is wrong with a checkpoint, where, and what to do about it.
public struct CheckpointError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The kinds of trouble that callers tell apart.
  public enum Code: Sendable {
    /// The content is of no known format.
    case unknownFormat
    /// The file contradicts its format: cut short, altered or made up.
    case damaged
    /// The file asks for what no checkpoint may do, such as calling a function.
    case refused
    /// Well-formed, but with something that this reader lacks.
    case unsupported
    /// No state dict in the file.
    case noTensors
  }

  /// The kind of trouble.
  public let code: Code
  /// What is wrong, with the file and a remedy.
  public let message: String

  /// Makes an error.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }

  /// The same error with the file in front.
  func located(in path: String) -> CheckpointError {
    CheckpointError(code, "'\(path)': \(message)")
  }
}
