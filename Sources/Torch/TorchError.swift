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

/// Holds the first error of a `withTorchErrors` scope. Confined to the thread of that scope.
final class ErrorCollector {
  var first: TorchError?
}

enum ErrorScope {
  /// The innermost scope on this thread; tensor operations are synchronous, so it never moves.
  @TaskLocal static var current: CollectorReference?

  /// Whether an operation in this scope has failed.
  static var hasFailed: Bool { current?.collector.first != nil }

  /// A reference that can be task-local: the collector never leaves the thread of its scope.
  struct CollectorReference: Sendable {
    nonisolated(unsafe) let collector: ErrorCollector
  }
}

/// Runs `body` so that a libtorch error inside it is thrown instead of ending the program.
///
/// Operations that fail yield placeholders without elements, and so do those that are given them;
/// `body` runs to its end.
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

/// Whether an operation has failed in the enclosing `withTorchErrors`, which will throw.
package var hasTorchErrors: Bool { ErrorScope.hasFailed }

/// Reports misuse: recorded by the enclosing `withTorchErrors`, else fatal.
package func report(_ error: TorchError) {
  guard let scope = ErrorScope.current else { fatalError(error.description) }
  if scope.collector.first == nil { scope.collector.first = error }
}

/// Throws the shim's last message unless `status` is success.
func check(_ status: ctorch_status, _ operation: @autoclosure () -> String) throws(TorchError) {
  guard status != 0 else { return }
  throw TorchError(operation: operation(), message: String(cString: ctorch_last_error()))
}
