internal import Inference
internal import Models
internal import Torch

/// A DiT whose weights are read with its first use.
final class DeferredDiT {
  private enum State {
    case waiting(DiTState)
    case ready(any DiTRunner)
  }

  /// The shape of the model.
  let config: DiTConfig
  private var state: State
  private let precision: Precision
  private let mode: ExecutionMode
  private let device: Device

  /// - Parameters:
  ///   - state: its parameters.
  ///   - precision: the number format, not `auto`.
  ///   - mode: how to run.
  ///   - device: where to run.
  init(_ state: DiTState, _ precision: Precision, in mode: ExecutionMode, on device: Device) {
    config = state.config
    self.state = .waiting(state)
    self.precision = precision
    self.mode = mode
    self.device = device
  }

  /// The model, ready to run.
  ///
  /// - Throws: `PipelineError` if the parameters do not suit the precision; `TorchError`.
  func runner() throws -> any DiTRunner {
    switch state {
    case .ready(let runner): return runner
    case .waiting(let parameters):
      let runner = try withTorchErrors {
        try parameters.makeRunner(precision, in: mode, on: device)
      }
      state = .ready(runner)
      return runner
    }
  }
}
