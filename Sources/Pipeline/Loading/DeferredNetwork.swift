internal import Checkpoint
internal import Diffusion
internal import Inference
internal import Layers
internal import Torch

/// A network whose weights are read with its first use.
final class DeferredNetwork<Runner> {
  private enum State {
    case waiting(() throws -> Runner)
    case ready(Runner)
  }

  private var state: State

  /// - Parameter make: reads the weights; throws `PipelineError` if they do not suit the precision.
  init(_ make: @escaping () throws -> Runner) { state = .waiting(make) }

  /// The network, ready to run.
  ///
  /// - Throws: what making it throws; `TorchError`.
  func runner() throws -> Runner {
    switch state {
    case .ready(let runner): return runner
    case .waiting(let make):
      let runner = try withTorchErrors { try make() }
      state = .ready(runner)
      return runner
    }
  }
}

extension Checkpoint {
  /// Makes a network of parameters in this file; its pages are released as they are used up.
  ///
  /// - Parameters:
  ///   - tensors: the parameters by name.
  ///   - precision: the number format, not `auto`.
  ///   - mode: how to run.
  ///   - device: where to run.
  ///   - make: lays them out; given a new store for each part, and what to call after each.
  /// - Returns: the network, ready to run.
  /// - Throws: `PipelineError` if the parameters do not suit the precision.
  func laidOut<Runner>(
    _ tensors: [String: Tensor], _ precision: Precision, in mode: ExecutionMode,
    on device: Device,
    _ make: (_ parameters: () -> ParameterStore, _ partDone: () -> Void) throws(InferenceError)
      -> Runner
  ) throws -> Runner {
    let dtype = precision.parameterType(in: mode)
    do {
      return try withoutGradients {
        try make(
          { ParameterStore(.load(tensors, dtype: dtype, device: device)) },
          { self.releasePages() })
      }
    } catch let error as InferenceError {
      throw PipelineError(.inference(error.reason), "'\(path)': \(error.message)")
    }
  }
}

/// The network that a pipeline samples with.
enum SampledNetwork {
  /// A DiT.
  case dit(DeferredNetwork<any DiTRunner>)
  /// A network of improved MeanFlow.
  case meanFlow(DeferredNetwork<any MeanFlowRunner>)

  /// - Parameters:
  ///   - state: its parameters.
  ///   - precision: the number format, not `auto`.
  ///   - mode: how to run.
  ///   - device: where to run.
  init(_ state: NetworkState, _ precision: Precision, in mode: ExecutionMode, on device: Device) {
    self =
      switch state {
      case .dit(let state):
        .dit(DeferredNetwork { try state.makeRunner(precision, in: mode, on: device) })
      case .meanFlow(let state):
        .meanFlow(DeferredNetwork { try state.makeRunner(precision, in: mode, on: device) })
      }
  }

  /// Reads the weights.
  func load() throws {
    switch self {
    case .dit(let network): _ = try network.runner()
    case .meanFlow(let network): _ = try network.runner()
    }
  }
}

extension MeanFlowRunner {
  /// Binds the network to classes and guidance.
  func average(labels: [Int], guidance: Guidance) -> AverageNetwork {
    let network = bind(
      labels: labels,
      guidance: MeanFlowGuidance(
        scale: max(guidance.scale, 1), low: guidance.interval.low, high: guidance.interval.high))
    return { latents, start, end in network(latents, start - end) }
  }
}
