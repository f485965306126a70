internal import Foundation
internal import Layers
public import Models
public import Torch

/// Times denoising steps of a model with random weights.
public struct SamplingBenchmark {
  /// The shape of the model.
  public var config: DiTConfig
  /// Rows of the network: 2 for one image with guidance.
  public var rowCount: Int
  /// Timed steps; one more goes before them.
  public var stepCount: Int
  /// The number format, settled.
  public var precision: Precision
  /// How the model is run.
  public var mode: ExecutionMode
  /// Where.
  public var device: Device

  /// What was measured.
  public struct Report: Sendable {
    /// The median over the steps.
    public var secondsPerStep: Double
    /// Of the step that goes before them.
    public var firstStepSeconds: Double
    /// From parameters to a runner that is ready for the batch.
    public var prepareSeconds: Double
    /// The most memory that was resident, with the program and libtorch.
    public var peakMemoryBytes: Int
    /// The most memory that tensors took on a device that is not the processor.
    public var peakDeviceMemoryBytes: Int?
    /// What came of recording a step, in mode graph.
    public var recording: CompiledDiT.Recording
    /// Threads that operators used.
    public var threads: Int
  }

  /// A benchmark with all that it needs to know.
  public init(
    config: DiTConfig, rowCount: Int, stepCount: Int, precision: Precision, mode: ExecutionMode,
    device: Device
  ) {
    self.config = config
    self.rowCount = rowCount
    self.stepCount = stepCount
    self.precision = precision
    self.mode = mode
    self.device = device
  }

  /// Runs it.
  ///
  /// - Throws: `TorchError` if the device is absent, `InferenceError` if the processor lacks int8.
  public func run() throws -> Report {
    let generator = try Generator(seed: 0)
    let clock = ContinuousClock()
    var started = clock.now
    let dtype = precision.parameterType(in: mode)
    let runner = try makeRunner(mode, config, precision: precision, device: device) {
      ParameterStore(.initialize(generator, dtype: dtype, device: device))
    }
    let labels = (0..<rowCount).map { $0 < (rowCount + 1) / 2 ? 0 : config.classCount }
    let network = runner.prepared(labels: labels, timesteps: Array(0..<stepCount + 1))
    let prepareSeconds = started.duration(to: clock.now).inSeconds
    let size = config.inputSize
    let latents = Tensor.randn([rowCount, config.channelCount, size, size], generator: generator)
      .to(device)
    var times: [Double] = []
    for step in (0...stepCount).reversed() {
      started = clock.now
      _ = network(latents, step)
      try device.synchronize()
      times.append(started.duration(to: clock.now).inSeconds)
    }
    return Report(
      secondsPerStep: times.dropFirst().sorted()[stepCount / 2], firstStepSeconds: times[0],
      prepareSeconds: prepareSeconds, peakMemoryBytes: ProcessMemory.peakBytes,
      peakDeviceMemoryBytes: device.peakMemory(),
      recording: (runner as? CompiledDiT)?.recording ?? .none,
      threads: LibTorch.threadCount)
  }
}
