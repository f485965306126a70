public import Diffusion
public import ImageData
public import Models
public import Torch

/// A grid of samples that shows the progress of a run.
public struct SampleGrid {
  /// Classes to show.
  public var labels: [Int]
  /// Steps of DDIM, or of Euler's method for a flow; a model of average velocities takes one.
  public var stepCount = 50
  /// The scale of classifier-free guidance, which average velocities have in them.
  public var guidanceScale = 4.0
  /// The seed of the noise, the same in every grid.
  public var seed: UInt64 = 42

  /// A grid with one sample of each of these classes.
  public init(labels: [Int]) { self.labels = labels }

  /// Draws the samples.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - weights: by name.
  ///   - process: how the model was trained.
  ///   - codec: latents to pixels.
  ///   - device: of the weights.
  ///   - mark: called after each step, and before and during the decoding of each image; may throw to
  ///     stop.
  /// - Returns: the grid.
  /// - Throws: `TorchError` if there is no generator of random numbers or memory does not suffice; what
  ///   `mark` throws.
  public func sample(
    _ config: DiTConfig, _ weights: [String: Tensor], of process: DiffusionProcess,
    codec: LatentCodec, device: Device,
    mark: () throws -> Void = {}
  ) throws -> RGBImage {
    let options =
      process.family.predictsAverages
      ? .oneStep
      : SamplingOptions(
        sampler: process.family.isFlow ? .euler : .ddim, stepCount: stepCount,
        guidance: Guidance(scale: guidanceScale))
    let sampler = TrainedSampler(config, weights, of: process, codec: codec, device: device)
    let noise = NoiseSource.perBatch(try Generator(seed: seed))
    return ImageGrid.grid(
      try sampler.images(labels: labels, options: options, noise: noise, mark: mark).images)
  }
}
