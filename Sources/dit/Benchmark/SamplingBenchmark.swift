internal import Inference
internal import Layers
internal import Models
internal import Torch

/// Times denoising steps of a model with random weights.
struct SamplingBenchmark {
  /// The shape of the model.
  var config: DiTConfig
  /// The batch of the network: 2 for one image with guidance.
  var networkBatchSize: Int
  /// Timed steps; one more goes before them.
  var stepCount: Int
  /// The number format, settled.
  var precision: Precision
  /// How the model is run.
  var mode: ExecutionMode
  /// Where.
  var device: Device

  /// What was measured.
  struct Report: Sendable {
    /// The median over the steps.
    var secondsPerStep: Double
    /// Of the step that goes before them.
    var firstStepSeconds: Double
    /// From parameters to a runner that is ready for the batch, without the drawing of parameters.
    var prepareSeconds: Double
    /// Drawing the parameters.
    var drawSeconds: Double
    /// The most memory that was resident, with the program and libtorch.
    var peakMemoryBytes: Int
    /// The most memory that tensors took on a device that is not the processor.
    var peakDeviceMemoryBytes: Int?
    /// What came of recording a step, in mode graph.
    var recording: DeviceGraph.Recording
    /// Threads that operators used.
    var threads: Int
  }

  /// A benchmark with all that it needs to know.
  init(
    config: DiTConfig, networkBatchSize: Int, stepCount: Int, precision: Precision,
    mode: ExecutionMode,
    device: Device
  ) {
    self.config = config
    self.networkBatchSize = networkBatchSize
    self.stepCount = stepCount
    self.precision = precision
    self.mode = mode
    self.device = device
  }

  /// Runs it.
  ///
  /// - Throws: `TorchError` if the device is absent, memory does not suffice or the model cannot be;
  ///   `InferenceError` if the processor lacks int8.
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
    let seconds = try times.map { time in
      let started = clock.now
      _ = try withTorchErrors { network(latents, time) }
      try device.synchronize()
      return started.duration(to: clock.now).inSeconds
    }
    return Report(
      secondsPerStep: median(seconds.dropFirst()), firstStepSeconds: seconds[0],
      prepareSeconds: preparing.inSeconds, drawSeconds: drawing.inSeconds,
      peakMemoryBytes: ProcessMemory.peakBytes, peakDeviceMemoryBytes: device.peakMemory(),
      recording: (runner as? PackedDiT)?.recording ?? .none, threads: LibTorch.threadCount)
  }
}
