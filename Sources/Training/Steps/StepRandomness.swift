public import Torch

/// The random numbers of one optimizer step, for its whole global batch.
///
/// They are drawn on the processor, in the order of the published code: posterior noise of the
/// autoencoder, timesteps, noise, label dropout. Each rank and micro-batch takes its slice. So they depend
/// neither on the device nor on the way the batch is divided.
public struct StepRandomness {
  /// Standard normal, `[B, C, h, w]`; nil for latents without variance.
  public let posteriorNoise: Tensor?
  /// Timesteps, 0 ..< 1000, `[B]`, int64.
  public let timesteps: Tensor
  /// Standard normal, `[B, C, h, w]`.
  public let noise: Tensor
  /// Whether each label becomes the null class, `[B]`, bool.
  public let labelDropMask: Tensor

  /// Draws the numbers of a global batch.
  ///
  /// - Parameters:
  ///   - shape: of the global batch, `[B, C, h, w]`.
  ///   - hasPosterior: whether latents have a variance.
  ///   - config: the distribution of timesteps, and the share of labels to drop.
  ///   - generator: on the processor.
  public init(
    shape: [Int], hasPosterior: Bool, config: TrainingConfig, generator: Generator
  ) {
    posteriorNoise = hasPosterior ? .randn(shape, generator: generator) : nil
    switch config.timesteps {
    case .uniform:
      timesteps = .randint(0..<1000, [shape[0]], generator: generator)
    case .logitNormal(let mean, let deviation):
      let normal = Tensor.randn([shape[0]], generator: generator) * deviation + mean
      let share = ((-normal).exponential + 1).reciprocal
      timesteps = (share * 1000).clamped(min: 0, max: 999).to(.int64)
    }
    noise = .randn(shape, generator: generator)
    labelDropMask = Tensor.rand([shape[0]], generator: generator).isLess(than: config.labelDropout)
  }

  /// Numbers from another source, such as another program.
  ///
  /// - Parameters:
  ///   - posteriorNoise: standard normal, `[B, C, h, w]`; nil for latents without variance.
  ///   - timesteps: 0 ..< 1000, `[B]`, int64.
  ///   - noise: standard normal, `[B, C, h, w]`.
  ///   - labelDropMask: whether each label becomes the null class, `[B]`, bool.
  public init(posteriorNoise: Tensor?, timesteps: Tensor, noise: Tensor, labelDropMask: Tensor) {
    self.posteriorNoise = posteriorNoise
    self.timesteps = timesteps
    self.noise = noise
    self.labelDropMask = labelDropMask
  }

  /// The numbers of some rows, on a device.
  public func slice(_ rows: Range<Int>, on device: Device) -> StepRandomness {
    StepRandomness(
      posteriorNoise: posteriorNoise.map { $0[rows].sent(to: device) },
      timesteps: timesteps[rows].sent(to: device), noise: noise[rows].sent(to: device),
      labelDropMask: labelDropMask[rows].sent(to: device))
  }

  /// Copies of the numbers that the loss needs.
  var clonedForLoss: StepRandomness {
    StepRandomness(
      posteriorNoise: nil, timesteps: timesteps.cloned, noise: noise.cloned,
      labelDropMask: labelDropMask.cloned)
  }

  /// Copies the numbers that the loss needs.
  func copyInPlace(from other: StepRandomness) {
    timesteps.copyInPlace(from: other.timesteps)
    noise.copyInPlace(from: other.noise)
    labelDropMask.copyInPlace(from: other.labelDropMask)
  }
}
