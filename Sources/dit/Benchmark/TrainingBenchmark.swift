internal import Models
internal import Torch
internal import Training

/// Times training steps of a model with random weights on random latents.
struct TrainingBenchmark {
  /// The shape of the model.
  var config: DiTConfig
  /// Batch size, number format and recomputation; the rest is the published recipe.
  var training: TrainingConfig
  /// Timed steps, after one to warm up.
  var stepCount: Int
  /// The device of the model.
  var device: Device

  /// The result.
  struct Report {
    /// The steps.
    let times: BenchmarkTimes
    /// Whether a GPU recorded whole steps.
    let recording: DeviceGraph.Recording
  }

  /// Builds a model, then times steps.
  ///
  /// - Throws: `TorchError` if the device is absent or memory does not suffice.
  func run() throws -> Report {
    let (model, store) = try InitialWeights.makeModel(
      config, from: nil, classNames: [], seed: 0, device: device)
    let data = try withTorchErrors { try RandomData(config, batchSize: training.batchSize) }
    let trainer = try Trainer(
      TrainingModel(model, store, config: training, device: device), config: training, data: data,
      codec: LatentCodec(nil), stepCount: stepCount + 1, device: device)
    let times = try BenchmarkTimes(stepCount) { _ in try trainer.takeStep().seconds }
    return Report(times: times, recording: trainer.recording)
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
