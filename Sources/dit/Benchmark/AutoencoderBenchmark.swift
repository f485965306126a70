internal import Inference
internal import Layers
internal import Models
internal import Torch

/// Times an `AutoencoderKL` with random weights turning images into latents, or latents into images.
struct AutoencoderBenchmark {
  /// A direction.
  enum Work: Sendable {
    case encoding
    case decoding
  }

  /// The direction.
  var work: Work
  /// Height and width of the images in pixels, a multiple of the model's factor.
  var imageSize: Int
  /// Images that are worked on together.
  var batchSize: Int
  /// Timed batches; one more goes before them.
  var batchCount: Int
  /// How the model is run.
  var mode: ExecutionMode
  /// Where.
  var device: Device

  /// What was measured.
  struct Report: Sendable {
    /// The median over the batches.
    var secondsPerBatch: Double
    /// Of the batch that goes before them, with the layout of the weights.
    var firstBatchSeconds: Double
    /// The most memory that was resident, with the program and libtorch.
    var peakMemoryBytes: Int
  }

  /// A benchmark with all that it needs to know.
  init(
    _ work: Work, imageSize: Int, batchSize: Int, batchCount: Int, mode: ExecutionMode,
    device: Device
  ) {
    self.work = work
    self.imageSize = imageSize
    self.batchSize = batchSize
    self.batchCount = batchCount
    self.mode = mode
    self.device = device
  }

  /// Runs it, in the shape of sd-vae-ft-mse.
  ///
  /// - Returns: the times.
  /// - Throws: `TorchError` if the device is absent or memory does not suffice.
  func run() throws -> Report {
    try withTorchErrors {
      let generator = try Generator(seed: 0)
      let config = AutoencoderKLConfig(
        hasEncoder: work == .encoding, hasDecoder: work == .decoding)
      let model = makeAutoencoder(
        AutoencoderKL(
          config, at: ParameterStore(.initialize(generator, device: device)).root),
        mode: mode, device: device)
      let size = imageSize / model.downsamplingFactor
      let shape =
        switch work {
        case .encoding: [batchSize, 3, imageSize, imageSize]
        case .decoding: [batchSize, model.latentChannelCount, size, size]
        }
      let input = Tensor.randn(shape, generator: generator).to(device)
      let clock = ContinuousClock()
      let times = withoutGradients {
        (0...batchCount).map { _ in
          let started = clock.now
          let result =
            switch work {
            case .encoding: model.encode(input).mean
            case .decoding: model.decode(input)
            }
          _ = result.sum().item
          return started.duration(to: clock.now).inSeconds
        }
      }
      return Report(
        secondsPerBatch: median(times.dropFirst()), firstBatchSeconds: times[0],
        peakMemoryBytes: ProcessMemory.peakBytes)
    }
  }
}
