internal import Inference
internal import Layers
internal import Models
internal import Torch

/// Times the network of FID with random weights.
struct FeaturesBenchmark {
  /// Height and width of the images in pixels.
  var imageSize: Int
  /// Images of a batch.
  var batchSize: Int
  /// Timed batches, after one to warm up.
  var batchCount: Int
  /// How the network is run.
  var mode: ExecutionMode
  /// The device.
  var device: Device

  /// Times batches, from bytes to features; the first one also lays out the weights.
  ///
  /// - Throws: `TorchError` if the device is absent or memory does not suffice.
  func run() throws -> BenchmarkTimes {
    try withTorchErrors {
      let generator = try Generator(seed: 0)
      let images = Tensor.randint(
        0..<256, [batchSize, imageSize, imageSize, 3], generator: generator
      ).to(.uint8).to(device)
      let model = withoutGradients {
        InceptionV3(at: ParameterStore(.initialize(generator, device: device)).root)
      }
      let network = makeInception(model, mode: mode, device: device)
      return withoutGradients {
        BenchmarkTimes(batchCount) { _ in
          BenchmarkTimes.seconds { _ = network(images) { _, _ in }.logits.sum().item }
        }
      }
    }
  }
}
