internal import CTorch

/// A computation that is repeated with the same buffers. A device that can record (CUDA graphs) replays
/// it with one call; on others it is called each time.
public final class DeviceGraph {
  private var recorded: ctorch_graph?
  private let body: () -> Tensor
  private var output: Tensor?
  /// Whether the computation is recorded.
  public private(set) var recording = Recording.none

  /// The outcome of recording.
  public enum Recording: Sendable, Equatable {
    /// The device does not record.
    case none
    /// The device replays a record.
    case done
    /// Recording failed, for this reason; the computation is called each time.
    case failed(String)
  }

  /// Records a computation, which is called three times for that.
  ///
  /// - Parameters:
  ///   - device: the device of the computation.
  ///   - body: reads and writes the same buffers each time, and reads no element on the host.
  public init(on device: Device, _ body: @escaping () -> Tensor) {
    self.body = body
    guard device.capabilities.recordsGraphs else { return }
    do {
      recorded = try record(device)
      recording = .done
    } catch {
      recording = .failed("\(error)")
    }
  }

  deinit {
    output = nil
    if let recorded { ctorch_graph_release(recorded) }
  }

  /// Computes once.
  ///
  /// - Returns: the result, valid until the next call.
  public func callAsFunction() -> Tensor {
    guard let recorded, let output else { return body() }
    guard ctorch_graph_replay(recorded) == 0 else {
      report(
        TorchError(operation: "recorded step", message: String(cString: ctorch_last_error())))
      return output
    }
    return output
  }

  private func record(_ device: Device) throws -> ctorch_graph {
    var graph = ctorch_graph(impl: nil)
    let subject = Subject(body)
    let context = Unmanaged.passUnretained(subject)
    let status = withExtendedLifetime(subject) {
      ctorch_graph_capture(
        Int32(device.index ?? 0),
        { context in
          guard let context else { return 1 }
          return Unmanaged<Subject>.fromOpaque(context).takeUnretainedValue().call()
        }, context.toOpaque(), &graph)
    }
    if let error = subject.error { throw error }
    try check(status, "recording a step")
    output = subject.output
    return graph
  }

  /// The body, as C calls it.
  private final class Subject {
    private let body: () -> Tensor
    var output: Tensor?
    var error: (any Error)?

    init(_ body: @escaping () -> Tensor) { self.body = body }

    func call() -> ctorch_status {
      do {
        output = try withTorchErrors(body)
        return 0
      } catch {
        self.error = error
        return 1
      }
    }
  }
}
