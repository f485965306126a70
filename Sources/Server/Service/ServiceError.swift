/// A request that an `ImageService` does not take.
public struct ServiceError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The cause.
  public enum Reason: Sendable, Equatable {
    /// A value is out of range, or does not fit the model.
    case request(field: String)
    /// So many jobs wait that no other may; there may be room after so many seconds.
    case queueFull(retryAfter: Int)
    /// The service ends.
    case ending
    /// The models are not loaded.
    case loading
    /// Memory does not suffice for all workers.
    case memory(missingByteCount: Int)
    /// There is no job or image of that name, or it is gone.
    case unknown
  }

  /// The cause.
  public let reason: Reason
  /// What is wrong.
  public let message: String

  /// Makes an error.
  public init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  public var description: String { message }
}
