/// A setting of the diffusion process that is out of range or does not fit the others.
public struct DiffusionError: Error, CustomStringConvertible {
  /// The kind of an error.
  public enum Reason: Sendable, Equatable {
    /// A number of steps that the noise schedule does not have.
    case stepCount
    /// A time that the sampler cannot start a step from.
    case time
    /// An order that the sampler does not have.
    case solverOrder
    /// A tolerance of an adaptive sampler that is not above 0.
    case tolerance
    /// An amount of noise below 0.
    case diffusionNorm
    /// A path that the sampler or time grid is not for.
    case path
  }

  /// The kind.
  public let reason: Reason
  /// What is wrong.
  public let message: String
  /// The message.
  public var description: String { message }

  init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }
}
