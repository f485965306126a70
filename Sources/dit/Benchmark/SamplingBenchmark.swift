internal import Inference
internal import Layers
internal import Models
internal import Torch

/// Times sampling steps of a model with random weights.
struct SamplingBenchmark {
  /// The shape of the model.
  var config: DiTConfig
  /// The batch of the network: 2 for one image with guidance.
  var networkBatchSize: Int
  /// Timed steps, after one to warm up.
  var stepCount: Int
  /// The number format, not `auto`.
  var precision: Precision
  /// How the model is run.
  var mode: ExecutionMode
  /// The device.
  var device: Device

  /// The result.
  struct Report {
    /// The steps.
    let times: BenchmarkTimes
    /// Seconds to lay out the parameters and bind the batch.
    let prepareSeconds: Double
    /// Seconds to draw the parameters.
    let drawSeconds: Double
    /// Whether a GPU recorded a step, in mode graph.
    let recording: DeviceGraph.Recording
  }

  /// Prepares a model, then times steps.
  ///
  /// - Throws: `TorchError` if memory does not suffice or the device fails; `InferenceError` if the device
  ///   lacks the number format.
  func run() throws -> Report {
    let generator = try Generator(seed: 0)
    let clock = ContinuousClock()
    let dtype = precision.parameterType(in: mode)
    var drawing = Duration.zero
    let started = clock.now
    let labels = (0..<networkBatchSize).map {
      $0 < (networkBatchSize + 1) / 2 ? 0 : config.classCount
    }
    let runner = try withTorchErrors {
      try makeRunner(mode, config, precision: precision, device: device) {
        ParameterStore(
          .computed { shape, initializer in
            let started = clock.now
            defer { drawing += started.duration(to: clock.now) }
            return initializer(shape, generator: generator).to(dtype).to(device)
          })
      }
    }
    let times = (0...stepCount).reversed().map { Double($0) }
    let network = try withTorchErrors {
      runner.bind(labels: labels, times: times)
    }
    let preparing = started.duration(to: clock.now) - drawing
    let size = config.inputSize
    let latents = try withTorchErrors {
      Tensor.randn([networkBatchSize, config.channelCount, size, size], generator: generator).to(
        device)
    }
    let seconds = try BenchmarkTimes(stepCount) { index in
      try BenchmarkTimes.seconds {
        _ = try withTorchErrors { network(latents, times[index]) }
        try device.synchronize()
      }
    }
    return Report(
      times: seconds, prepareSeconds: preparing.inSeconds, drawSeconds: drawing.inSeconds,
      recording: (runner as? PackedDiT)?.recording ?? .none)
  }
}
