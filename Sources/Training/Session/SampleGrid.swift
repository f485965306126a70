public import Diffusion
public import ImageData
internal import Layers
public import Models
public import Torch

/// A grid of samples that shows the progress of a run.
public struct SampleGrid {
  /// Classes to show.
  public var labels: [Int]
  /// Steps of DDIM, or of Euler's method for a flow.
  public var stepCount = 50
  /// The scale of classifier-free guidance.
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
    let model = DiT(config, at: ParameterStore(.load(weights)).root)
    let options = SamplingOptions(
      sampler: process.family.isFlow ? .euler : .ddim, stepCount: stepCount,
      guidance: Guidance(scale: guidanceScale))
    let steps = try options.loop(
      labels: labels, nullClass: config.classCount,
      shape: [config.channelCount, config.inputSize, config.inputSize], process: process,
      noise: .perBatch(try Generator(seed: seed)), device: device
    ) { rows, _ in
      let y = Tensor(rows).to(device)
      return { model($0, t: .full([rows.count], $1, device: device), y: y) }
    }
    let latents = try steps.run { _ in try mark() }
    return try withTorchErrors { ImageGrid.grid(try codec.decode(latents, check: mark)) }
  }
}
