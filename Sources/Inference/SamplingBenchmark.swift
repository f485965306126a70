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
    /// From parameters to a runner that is ready for the batch, without the drawing of parameters.
    public var prepareSeconds: Double
    /// Drawing the parameters.
    public var drawSeconds: Double
    /// The most memory that was resident, with the program and libtorch.
    public var peakMemoryBytes: Int
    /// The most memory that tensors took on a device that is not the processor.
    public var peakDeviceMemoryBytes: Int?
    /// What came of recording a step, in mode graph.
    public var recording: DeviceGraph.Recording
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
  /// - Throws: `TorchError` if the device is absent, memory does not suffice or the model cannot be;
  ///   `InferenceError` if the processor lacks int8.
  public func run() throws -> Report {
    let generator = try Generator(seed: 0)
    let clock = ContinuousClock()
    var drawing = Duration.zero
    var parts = parts[...]
    let started = clock.now
    let labels = (0..<rowCount).map { $0 < (rowCount + 1) / 2 ? 0 : config.classCount }
    let runner = try withTorchErrors {
      try makeRunner(mode, config, precision: precision, device: device) {
        let started = clock.now
        defer { drawing += started.duration(to: clock.now) }
        return drawn(parts.popFirst(), generator)
      }
    }
    let network = try withTorchErrors {
      runner.prepared(labels: labels, timesteps: Array(0..<stepCount + 1))
    }
    let preparing = started.duration(to: clock.now) - drawing
    let size = config.inputSize
    let latents = try withTorchErrors {
      Tensor.randn([rowCount, config.channelCount, size, size], generator: generator).to(device)
    }
    let times = try (0...stepCount).reversed().map { step in
      let started = clock.now
      _ = try withTorchErrors { network(latents, step) }
      try device.synchronize()
      return started.duration(to: clock.now).inSeconds
    }
    return Report(
      secondsPerStep: median(times.dropFirst()), firstStepSeconds: times[0],
      prepareSeconds: preparing.inSeconds, drawSeconds: drawing.inSeconds,
      peakMemoryBytes: ProcessMemory.peakBytes, peakDeviceMemoryBytes: device.peakMemory(),
      recording: (runner as? CompiledDiT)?.recording ?? .none, threads: LibTorch.threadCount)
  }

  /// Makes part of the model's parameters at a root.
  private typealias Part = (Scope) -> Void

  /// The parts in the order in which a runner asks for them.
  private var parts: [Part] {
    guard mode == .graph else { return [{ _ = DiT(config, at: $0) }] }
    var head = config
    head.depth = 0
    let blocks: [Part] = (0..<config.depth).map { index in
      { _ = DiTBlock(config, at: $0 / "blocks" / index) }
    }
    return [{ _ = DiT(head, at: $0) }] + blocks
  }

  /// Parameters of a part at random.
  private func drawn(_ part: Part?, _ generator: Generator) -> ParameterStore {
    let dtype = precision.parameterType(in: mode)
    let store = ParameterStore(.initialize(generator, dtype: dtype, device: device))
    part?(store.root)
    return ParameterStore(
      .load(
        store.names.reduce(into: [:]) { $0[$1] = store[$1] }, dtype: dtype, device: device))
  }
}
