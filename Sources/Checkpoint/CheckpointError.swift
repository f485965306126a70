/// A checkpoint that cannot be read or written.
public struct CheckpointError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The kinds of failure.
  public enum Reason: Sendable, Equatable {
    /// The content is of no known format.
    case unknownFormat
    /// The file contradicts its format: cut short, altered or made up.
    case damaged
    /// The file asks for something that no checkpoint may do, such as calling a function.
    case refused
    /// Well-formed, but with a feature that is not supported.
    case unsupported
    /// No state dict in the file.
    case noTensors
    /// No EMA weights in the file.
    case noAverage
    /// Several sets of EMA weights beside those of the last step, of which none is meant more than the
    /// others.
    case severalAverages
    /// No file has this name, which is a model's on the Hugging Face hub, or an address.
    case remote(RemoteModel)
  }

  /// The kind of failure.
  public let reason: Reason
  /// What is wrong, in which file, and what helps.
  public let message: String

  /// Makes an error.
  public init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  /// The message.
  public var description: String { message }

  /// The same error with the file in front.
  func located(in path: String) -> CheckpointError {
    CheckpointError(reason, "'\(path)': \(message)")
  }
}
