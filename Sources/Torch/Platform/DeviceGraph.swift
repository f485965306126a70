internal import CTorch

/// A computation that is done again and again with the same buffers: recorded once where the device
/// and our library can (CUDA graphs), so that the processor asks for it with one call; otherwise it
/// is called each time.
public final class DeviceGraph {
  private var recorded: ctorch_graph?
  private let body: () -> Tensor
  private var output: Tensor?
  /// What came of recording it.
  public private(set) var recording = Recording.none

  /// What came of recording a computation.
  public enum Recording: Sendable, Equatable {
    /// The device does not record, or was not asked to.
    case none
    /// The device does it from a record.
    case done
    /// The device did not record it, for this reason.
    case failed(String)
  }

  /// Records a computation; it is called three times for that, where the device can.
  ///
  /// - Parameters:
  ///   - device: where it computes.
  ///   - body: reads and writes the same buffers each time, and does not look at their contents.
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

  /// Does it once more.
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

  /// What the shim calls.
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
