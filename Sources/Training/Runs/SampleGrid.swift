internal import Diffusion
public import ImageData
internal import Layers
public import Models
public import Torch

/// Pictures that show how far a run has come.
public struct SampleGrid {
  /// Classes to show.
  public var labels: [Int]
  /// Steps of DDIM.
  public var stepCount = 50
  /// Classifier-free guidance.
  public var guidanceScale = 4.0
  /// Of the noise, the same each time.
  public var seed: UInt64 = 42

  /// A grid of some classes.
  public init(labels: [Int]) { self.labels = labels }

  /// Samples with some weights.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - weights: by name.
  ///   - codec: latents to pixels.
  ///   - device: where.
  ///   - mark: called after each step, before each picture that is decoded, and within; throws to stop.
  /// - Returns: the grid.
  /// - Throws: `TorchError` if there is no generator of random numbers or memory does not suffice; what
  ///   `mark` throws.
  public func sample(
    _ config: DiTConfig, _ weights: [String: Tensor], codec: LatentCodec, device: Device,
    mark: () throws -> Void = {}
  ) throws -> RGBImage {
    let model = DiT(config, at: ParameterStore(.load(weights)).root)
    let generator = try Generator(seed: seed)
    let (count, size) = (labels.count, config.inputSize)
    let start = Tensor.randn([count, config.channelCount, size, size], generator: generator)
    let guidance = Guidance(scale: guidanceScale)
    let rows = guidance.rows(for: labels, nullClass: config.classCount)
    let y = Tensor(rows).to(device)
    let steps = Denoising(
      GaussianDiffusion(
        try NoiseSchedule.linear.respaced(to: stepCount), learnsVariance: config.learnsVariance,
        device: device),
      sampler: .ddim, from: start.to(device), noiseRowCount: rows.count, noise: .shared(generator),
      denoiser: guidance.denoiser(noiseChannelCount: config.channelCount) { latents, timestep in
        model(latents, t: .full([rows.count], Double(timestep), device: device), y: y)
      })
    var latents = start
    while let step = try steps.next() {
      latents = step.latents
      try mark()
    }
    return try withTorchErrors { ImageGrid.grid(try codec.decode(latents, check: mark)) }
  }
}
