internal import Diffusion
public import Torch

/// The random numbers of one optimizer step, for its whole global batch.
///
/// They are drawn on the processor, in the order of the published code: posterior noise of the
/// autoencoder, times, noise, label dropout. Each rank and micro-batch takes its slice. So they depend
/// neither on the device nor on the way the batch is divided.
public struct StepRandomness {
  /// Standard normal, `[B, C, h, w]`; nil for latents without variance.
  public let posteriorNoise: Tensor?
  /// Times, `[B]`: timesteps 0 ..< 1000, int64; of a flow 0 ... 1, float32.
  public let times: Tensor
  /// How far average velocities go from the times, `[B]`, float32; nil for another objective.
  public let spans: Tensor?
  /// Standard normal, `[B, C, h, w]`.
  public let noise: Tensor
  /// Whether each label becomes the null class, `[B]`, bool.
  public let labelDropMask: Tensor

  /// Draws the numbers of a global batch.
  ///
  /// - Parameters:
  ///   - shape: of the global batch, `[B, C, h, w]`.
  ///   - hasPosterior: whether latents have a variance.
  ///   - config: the objective, the distribution of times, and the share of labels to drop.
  ///   - generator: on the processor.
  public init(
    shape: [Int], hasPosterior: Bool, config: TrainingConfig, generator: Generator
  ) {
    posteriorNoise = hasPosterior ? .randn(shape, generator: generator) : nil
    (times, spans) = config.objective.drawTimes(shape[0], config.timesteps, generator: generator)
    noise = .randn(shape, generator: generator)
    labelDropMask = Tensor.rand([shape[0]], generator: generator).isLess(than: config.labelDropout)
  }

  /// Numbers from another source, such as another program.
  ///
  /// - Parameters:
  ///   - posteriorNoise: standard normal, `[B, C, h, w]`; nil for latents without variance.
  ///   - times: `[B]`: timesteps 0 ..< 1000, int64; of a flow 0 ... 1, float32.
  ///   - spans: how far average velocities go from the times, `[B]`, float32.
  ///   - noise: standard normal, `[B, C, h, w]`.
  ///   - labelDropMask: whether each label becomes the null class, `[B]`, bool.
  public init(
    posteriorNoise: Tensor?, times: Tensor, spans: Tensor? = nil, noise: Tensor,
    labelDropMask: Tensor
  ) {
    self.posteriorNoise = posteriorNoise
    self.times = times
    self.spans = spans
    self.noise = noise
    self.labelDropMask = labelDropMask
  }

  /// The numbers of some rows, on a device.
  public func slice(_ rows: Range<Int>, on device: Device) -> StepRandomness {
    StepRandomness(
      posteriorNoise: posteriorNoise.map { $0[rows].sent(to: device) },
      times: times[rows].sent(to: device), spans: spans.map { $0[rows].sent(to: device) },
      noise: noise[rows].sent(to: device), labelDropMask: labelDropMask[rows].sent(to: device))
  }

  /// Copies of the numbers that the loss needs.
  var clonedForLoss: StepRandomness {
    StepRandomness(
      posteriorNoise: nil, times: times.cloned, noise: noise.cloned,
      labelDropMask: labelDropMask.cloned)
  }

  /// Copies the numbers that the loss needs.
  func copyInPlace(from other: StepRandomness) {
    times.copyInPlace(from: other.times)
    noise.copyInPlace(from: other.noise)
    labelDropMask.copyInPlace(from: other.labelDropMask)
  }
}
