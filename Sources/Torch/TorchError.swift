internal import CTorch

/// A failed call of libtorch, a driver or the system.
public struct TorchError: Error, CustomStringConvertible {
  /// The cause.
  public enum Reason: Sendable, Equatable {
    /// Our library of CUDA graphs and kernels does not open.
    case kernelLibrary
    /// Any other cause.
    case other
  }

  /// The cause.
  public let reason: Reason
  /// The operator with the shapes of its arguments, or the action that failed.
  public let operation: String
  /// libtorch's own message, without a stack trace.
  public let message: String

  /// Makes an error.
  public init(_ reason: Reason = .other, operation: String, message: String) {
    self.reason = reason
    self.operation = operation
    self.message = message
  }

  /// Operation and message in one line.
  public var description: String { "\(operation): \(message)" }
}

/// The first error of a `withTorchErrors` scope. Used by the thread of the scope only.
final class ErrorCollector {
  var first: TorchError?
}

enum ErrorScope {
  /// The innermost scope. Tensor operations are synchronous, so it stays on its thread.
  @TaskLocal static var current: CollectorReference?

  /// Whether an operation has failed in this scope.
  static var hasFailed: Bool { current?.collector.first != nil }

  /// Makes the collector task-local, though it is not `Sendable`: it stays on its thread.
  struct CollectorReference: Sendable {
    nonisolated(unsafe) let collector: ErrorCollector
  }
}

/// Runs `body` to its end and throws the first libtorch error, which otherwise ends the program.
///
/// A failed operation returns an empty placeholder, and so does each operation on a placeholder.
///
/// - Throws: the first `TorchError`, or what `body` throws.
public func withTorchErrors<Result>(_ body: () throws -> Result) throws -> Result {
  let collector = ErrorCollector()
  let outcome = Swift.Result {
    try ErrorScope.$current.withValue(.init(collector: collector), operation: body)
  }
  if let error = collector.first { throw error }
  return try outcome.get()
}

/// Whether an operation has failed in the enclosing `withTorchErrors`.
package var hasTorchErrors: Bool { ErrorScope.hasFailed }

/// Records an error for the enclosing `withTorchErrors`; without one, ends the program.
package func report(_ error: TorchError) {
  guard let scope = ErrorScope.current else { fatalError(error.description) }
  if scope.collector.first == nil { scope.collector.first = error }
}

/// Throws the last error message of C unless `status` is success.
func check(_ status: ctorch_status, _ operation: @autoclosure () -> String) throws(TorchError) {
  guard status != 0 else { return }
  throw TorchError(operation: operation(), message: String(cString: ctorch_last_error()))
}
