internal import Foundation
public import ImageData
internal import Layers
public import Models
public import Torch

// N batch, C channels, h w latents.

/// Trains a small autoencoder: minimizes the mean absolute error of its images, and keeps its latents
/// near mean 0 and deviation 1.
///
/// The noise schedule of a diffusion model expects latents of about unit variance (Rombach et al.
/// 2022, appendix G); here they are trained to have it, so that the scale factor is 1. A little noise
/// on the latents makes the decoder robust to the errors of a sampler.
public final class AutoencoderTrainer {
  /// The numbers of one optimizer step.
  public struct Report: Sendable {
    /// The number of the step, from 1.
    public var step: Int
    /// Mean absolute error of pixels in -1 ... 1, plus the penalty.
    public var loss: Double
    /// Peak signal-to-noise ratio of the step's images, in dB.
    public var signalToNoise: Double
    /// The learning rate.
    public var learningRate: Double
    /// The duration of the step.
    public var seconds: Double
  }

  /// The model that is trained.
  public let autoencoder: TinyAutoencoder
  /// The steps of the whole run.
  public let stepCount: Int
  /// Steps taken.
  public private(set) var step = 0

  private let model: TinyAutoencoderConfig
  private let store: ParameterStore
  private let optimizer: AdamW
  private let config: AutoencoderTrainingConfig
  private let data: any TrainingData
  private let noise: Generator
  private let device: Device

  /// Deviation of the noise on the latents.
  private static let latentNoise = 0.05
  /// The weight of the penalty on the latents' mean and deviation.
  private static let penaltyWeight = 0.1

  /// A trainer with random weights.
  ///
  /// - Parameters:
  ///   - model: the shape of the autoencoder, with both halves.
  ///   - config: the recipe.
  ///   - data: images, not cached latents.
  ///   - stepCount: the steps of the whole run.
  ///   - device: of the model.
  /// - Throws: `TorchError` if there is no generator of random numbers.
  public init(
    _ model: TinyAutoencoderConfig, config: AutoencoderTrainingConfig, data: any TrainingData,
    stepCount: Int, device: Device
  ) throws {
    self.model = model
    self.config = config
    self.data = data
    self.stepCount = stepCount
    self.device = device
    store = ParameterStore(.initialize(try Generator(seed: config.seed), device: device))
    let store = store
    autoencoder = withoutGradients { TinyAutoencoder(model, at: store.root) }
    let parameters = store.names.compactMap { name in store[name].map { (name, $0) } }
    for (_, tensor) in parameters { tensor.requiresGradient = true }
    optimizer = AdamW(parameters, config: config.optimizer)
    noise = try Generator(seed: config.seed, device: device)
  }

  /// The parameters by their names in diffusers; their moving averages, if there are any.
  public var weights: [(name: String, tensor: Tensor)] {
    let values = optimizer.ema.isEmpty ? optimizer.parameters : optimizer.ema
    return zip(optimizer.names, values).map { (name: $0, tensor: $1.detached) }
  }

  /// Writes the state of the training to a folder.
  ///
  /// - Parameters:
  ///   - checkpoint: the folder, which appears when it is whole.
  ///   - fingerprint: what the run is made of, by option.
  /// - Throws: `FileError`; `TorchError` if the state of random numbers cannot be read.
  public func save(to checkpoint: TrainingCheckpoint, fingerprint: [String: String]) throws {
    let trainer = TrainerState(
      step: step, optimizerStepCount: optimizer.stepCount, lossScale: 1, goodStepCount: 0,
      scaling: nil, generator: try noise.state().elements(UInt8.self), ema: optimizer.emaRecord)
    let state = TrainingCheckpoint.State(
      trainer: trainer, sampleCount: step * config.batchSize, fingerprint: fingerprint, rankCount: 1
    )
    let snapshot = try TrainingCheckpoint.snapshot(of: subject, state: state, metadata: [:])
    if let snapshot { try checkpoint.write(snapshot) }
  }

  /// Continues from the state that `save` wrote.
  ///
  /// - Parameters:
  ///   - checkpoint: the folder.
  ///   - fingerprint: what this run is made of, by option.
  /// - Throws: `TrainingError` if the folder is of another run; `FileError` and `CheckpointError` if it
  ///   cannot be read; what the data throw.
  public func restore(from checkpoint: TrainingCheckpoint, fingerprint: [String: String]) throws {
    let state = try checkpoint.state()
    if let list = state.difference(from: fingerprint) {
      throw TrainingError("'\(checkpoint.path)' is of another run: \(list)")
    }
    try TrainingCheckpoint.restore(
      try checkpoint.content(for: subject, checksums: state.checksums), to: subject)
    optimizer.restore(stepCount: state.trainer.optimizerStepCount)
    try noise.restore(Tensor(state.trainer.generator))
    step = state.trainer.step
    try data.seek(sampleCount: state.sampleCount)
  }

  private var subject: TrainingCheckpoint.Subject {
    .init(store: store, optimizer: optimizer, parallel: DataParallel(nil))
  }

  /// Takes the next step.
  ///
  /// - Throws: `TrainingError` if the loss is not finite; `TorchError` if memory does not suffice or
  ///   the images' size does not fit the model; what the data throw.
  public func takeStep() throws -> Report {
    let clock = ContinuousClock()
    let start = clock.now
    guard case .images(let pixels) = try data.next().content else {
      fatalError("AutoencoderTrainer: the data are no images")
    }
    let rate = config.schedule.rate(at: step, of: stepCount)
    let (value, squaredError) = try withTorchErrors { try learn(pixels.to(device), rate) }
    step += 1
    // Pixels span 2, so the peak's square is 4.
    return Report(
      step: step, loss: value, signalToNoise: 10 * log10(4 / max(squaredError, 1e-12)),
      learningRate: rate, seconds: start.duration(to: clock.now).inSeconds)
  }

  /// Encodes images with `weights`, and decodes the latents, without noise.
  ///
  /// - Parameter images: of the trained size, at least one.
  /// - Returns: the images that come back.
  /// - Throws: `TorchError` if memory does not suffice.
  public func reconstructions(of images: [RGBImage]) throws -> [RGBImage] {
    guard let first = images.first else { fatalError("AutoencoderTrainer: no images") }
    return try withTorchErrors {
      withoutGradients {
        let state = Dictionary(uniqueKeysWithValues: weights.map { ($0.name, $0.tensor) })
        let autoencoder = TinyAutoencoder(model, at: ParameterStore(.load(state)).root)
        let pixels = Tensor(
          images.flatMap(\.pixels), shape: [images.count, first.height, first.width, 3])
        let result = autoencoder.decode(
          autoencoder.encode(RGBImage.modelInput(pixels).to(device)).mean)
        return images.indices.map { RGBImage(result[$0..<$0 + 1]) }
      }
    }
  }

  /// Updates the parameters; gives the loss and the mean squared error.
  private func learn(_ images: Tensor, _ rate: Double) throws -> (Double, Double) {
    let latents = autoencoder.encode(images).mean
    let disturbed =
      latents + Tensor.randn(latents.shape, generator: noise) * AutoencoderTrainer.latentNoise
    let error = autoencoder.decode(disturbed) - images
    let loss =
      error.magnitude.mean()
      + AutoencoderTrainer.penalty(latents) * AutoencoderTrainer.penaltyWeight
    loss.backward()
    let value = loss.item
    guard value.isFinite else {
      throw TrainingError(
        "the loss of step \(step + 1) is not finite; try a lower learning rate")
    }
    try optimizer.step(optimizer.gradients(), learningRate: rate)
    return (value, error.detached.squared.mean().item)
  }

  /// The sum over channels of mean² + (deviation - 1)², over all rows and positions of `[N, C, h, w]`.
  private static func penalty(_ latents: Tensor) -> Tensor {
    let mean = latents.mean(axes: [0, 2, 3], keepingDims: true)
    let deviation = ((latents - mean).squared.mean(axes: [0, 2, 3]) + 1e-6).squareRoot
    return mean.squared.sum() + (deviation - 1).squared.sum()
  }
}
