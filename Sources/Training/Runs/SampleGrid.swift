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
    let options = SamplingOptions(
      sampler: .ddim, stepCount: stepCount, guidance: Guidance(scale: guidanceScale))
    let steps = try options.loop(
      labels: labels, nullClass: config.classCount,
      shape: [config.channelCount, config.inputSize, config.inputSize],
      parametrization: .noise(learnsVariance: config.learnsVariance),
      noise: .perBatch(try Generator(seed: seed)), device: device
    ) { rows, _ in
      let y = Tensor(rows).to(device)
      return { model($0, t: .full([rows.count], $1, device: device), y: y) }
    }
    var latents: Tensor?
    while let step = try steps.next() {
      latents = step.latents
      try mark()
    }
    return try withTorchErrors {
      ImageGrid.grid(try latents.map { try codec.decode($0, check: mark) } ?? [])
    }
  }
}
