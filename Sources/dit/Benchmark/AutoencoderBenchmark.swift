internal import Inference
internal import Layers
internal import Models
internal import Torch

/// Times an `AutoencoderKL` with random weights.
struct AutoencoderBenchmark {
  /// Images to latents, or latents to images.
  enum Work: Sendable {
    case encoding
    case decoding
  }

  /// The direction.
  var work: Work
  /// Height and width of the images in pixels, a multiple of the model's factor.
  var imageSize: Int
  /// Images of a batch.
  var batchSize: Int
  /// Timed batches, after one to warm up.
  var batchCount: Int
  /// How the model is run.
  var mode: ExecutionMode
  /// The device.
  var device: Device

  /// Times batches of the shape of sd-vae-ft-mse; the first one also lays out the weights.
  ///
  /// - Throws: `TorchError` if the device is absent or memory does not suffice.
  func run() throws -> BenchmarkTimes {
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
      return withoutGradients {
        BenchmarkTimes(batchCount) { _ in
          BenchmarkTimes.seconds {
            let result =
              switch work {
              case .encoding: model.encode(input).mean
              case .decoding: model.decode(input)
              }
            _ = result.sum().item
          }
        }
      }
    }
  }
}
