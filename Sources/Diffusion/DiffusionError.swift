/// A setting of the diffusion process that cannot be.
public struct DiffusionError: Error, CustomStringConvertible {
  /// What is wrong and what to do.
  public let message: String
  /// The message.
  public var description: String { message }
}
