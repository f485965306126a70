internal import Layers
public import Models
public import Torch

/// Times an `AutoencoderKL` with random weights turning latents into images.
public struct DecodingBenchmark {
  /// The shape of the model.
  public var config: AutoencoderKLConfig
  /// Height and width of the images in pixels, a multiple of the model's factor.
  public var imageSize: Int
  /// Images that are decoded together.
  public var batchSize: Int
  /// Timed batches; one more goes before them.
  public var batchCount: Int
  /// How the model is run.
  public var mode: ExecutionMode
  /// Where.
  public var device: Device

  /// What was measured.
  public struct Report: Sendable {
    /// The median over the batches.
    public var secondsPerBatch: Double
    /// Of the batch that goes before them, with the layout of the weights.
    public var firstBatchSeconds: Double
    /// The most memory that was resident, with the program and libtorch.
    public var peakMemoryBytes: Int
  }

  /// A benchmark with all that it needs to know.
  public init(
    config: AutoencoderKLConfig, imageSize: Int, batchSize: Int, batchCount: Int,
    mode: ExecutionMode, device: Device
  ) {
    self.config = config
    self.imageSize = imageSize
    self.batchSize = batchSize
    self.batchCount = batchCount
    self.mode = mode
    self.device = device
  }

  /// Runs it.
  ///
  /// - Returns: the times.
  /// - Throws: `TorchError` if the device is absent or memory does not suffice.
  public func run() throws -> Report {
    try withTorchErrors {
      let generator = try Generator(seed: 0)
      let decoder = makeDecoder(
        AutoencoderKL(
          config, at: ParameterStore(.initialize(generator, device: device)).root),
        mode: mode, device: device)
      let size = imageSize / decoder.downsamplingFactor
      let latents = Tensor.randn(
        [batchSize, decoder.latentChannelCount, size, size], generator: generator
      ).to(device)
      let clock = ContinuousClock()
      let times = withoutGradients {
        (0...batchCount).map { _ in
          let started = clock.now
          _ = decoder.decode(latents).sum().item
          return started.duration(to: clock.now).inSeconds
        }
      }
      return Report(
        secondsPerBatch: median(times.dropFirst()), firstBatchSeconds: times[0],
        peakMemoryBytes: ProcessMemory.peakBytes)
    }
  }
}
