internal import Diffusion
internal import ImageData
internal import Inference
internal import Layers
internal import Models
internal import Torch

/// Draws images with the weights of a run.
struct TrainedSampler {
  private let config: DiTConfig
  private let model: DiT
  /// How the model was trained.
  let process: DiffusionProcess
  private let codec: LatentCodec
  private let device: Device

  /// A sampler.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - weights: by name.
  ///   - process: how the model was trained.
  ///   - codec: latents to pixels.
  ///   - device: of the weights.
  init(
    _ config: DiTConfig, _ weights: [String: Tensor], of process: DiffusionProcess,
    codec: LatentCodec, device: Device
  ) {
    self.config = config
    model = DiT(config, at: ParameterStore(.load(weights)).root)
    self.process = process
    self.codec = codec
    self.device = device
  }

  /// Draws images.
  ///
  /// - Parameters:
  ///   - labels: the class of each.
  ///   - options: how they are sampled.
  ///   - noise: of the images.
  ///   - mark: called after each step, and before and during the decoding of each image; may throw to
  ///     stop.
  /// - Returns: the images, in the order of the labels, and whether the latents of each are finite: others
  ///   make ordinary pixels that show nothing.
  /// - Throws: `TorchError` if memory does not suffice; what `mark` throws.
  func images(
    labels: [Int], options: SamplingOptions, noise: NoiseSource, mark: () throws -> Void
  ) throws -> (images: [RGBImage], areFinite: [Bool]) {
    let steps = try loop(labels, options, noise)
    let latents = try steps.run { _ in try mark() }
    return try withTorchErrors {
      let areFinite = latents.isFinite.flattened(from: 1).allTrue(axis: 1).elements(Bool.self)
      return (try codec.decode(latents, check: mark), areFinite)
    }
  }

  /// Prepares the steps.
  private func loop(
    _ labels: [Int], _ options: SamplingOptions, _ noise: NoiseSource
  ) throws -> SamplingLoop {
    let shape = [config.channelCount, config.inputSize, config.inputSize]
    let network = EagerDiT(model, dtype: .float32, device: device)
    guard process.family.predictsAverages else {
      return try options.loop(
        labels: labels, nullClass: config.classCount, shape: shape, process: process,
        noise: noise, device: device, network: { network.bind(labels: $0, times: $1) })
    }
    return try options.loop(
      labels: labels, shape: shape, process: process, noise: noise, device: device,
      average: { rows, _ in network.bindAverage(labels: rows) })
  }
}

extension SamplingOptions {
  /// One step of a model of average velocities.
  static let oneStep = SamplingOptions(guidance: Guidance(scale: 1))
}
