internal import Models
internal import Torch
internal import Training

/// Times training steps of a model with random weights on random latents.
struct TrainingBenchmark {
  /// The shape of the model.
  var config: DiTConfig
  /// Rows, number format and recomputation; the rest is the published recipe.
  var training: TrainingConfig
  /// Timed steps, after one that is not.
  var stepCount: Int
  /// The device of the model.
  var device: Device

  /// The measurements.
  struct Report: Sendable {
    /// The median over the steps.
    var secondsPerStep: Double
    /// The minimum: the duration of a step that nothing disturbs.
    var fastestStepSeconds: Double
    /// The duration of the first step, which is not timed.
    var firstStepSeconds: Double
    /// Peak memory of tensors on a GPU; nil on a processor.
    var peakDeviceMemoryBytes: Int?
    /// What came of recording whole steps.
    var recording: DeviceGraph.Recording
  }

  /// A benchmark of a model.
  init(config: DiTConfig, training: TrainingConfig, stepCount: Int, device: Device) {
    self.config = config
    self.training = training
    self.stepCount = stepCount
    self.device = device
  }

  /// Runs it.
  ///
  /// - Returns: the times.
  /// - Throws: `TorchError` if the device is absent or memory does not suffice.
  func run() throws -> Report {
    let (model, store) = try InitialWeights.makeModel(
      config, from: nil, classNames: [], seed: 0, device: device)
    let data = try withTorchErrors { try RandomData(config, batchSize: training.batchSize) }
    let trainer = try Trainer(
      TrainingModel(model, store, config: training, device: device), config: training, data: data,
      codec: LatentCodec(nil), stepCount: stepCount + 1, device: device)
    let times = try (0...stepCount).map { _ in try trainer.takeStep().seconds }
    let timed = times.dropFirst()
    return Report(
      secondsPerStep: median(timed), fastestStepSeconds: timed.min() ?? times[0],
      firstStepSeconds: times[0], peakDeviceMemoryBytes: device.peakMemory(),
      recording: trainer.recording)
  }
}

/// The same random latents and labels in every step.
private struct RandomData: TrainingData {
  let classNames: [String] = []
  let imageCount = 0
  let hasPosterior = false
  private let mean: Tensor
  private let labels: Tensor

  init(_ config: DiTConfig, batchSize: Int) throws {
    let generator = try Generator(seed: 0)
    let size = config.inputSize
    mean = .randn([batchSize, config.channelCount, size, size], generator: generator)
    labels = .randint(0..<config.classCount, [batchSize], generator: generator)
  }

  func seek(sampleCount: Int) {}

  func next() -> TrainingBatch {
    TrainingBatch(.moments(mean: mean, logVariance: nil), labels: labels)
  }
}
