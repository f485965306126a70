public import Torch

/// One step that has been taken.
public struct SamplingStep {
  /// The number of the step, from 0.
  public let index: Int
  /// The number of steps; nil if the sampler chooses them on its way.
  public let count: Int?
  /// The share of the way behind the step, 1 at the end.
  public let progress: Double
  /// The time that the step started from.
  public let time: Double
  /// The latents after the step, `[N, C, H, W]`.
  public let latents: Tensor
  /// Whether the latents are the result.
  public let isLast: Bool
}

/// The steps from noise to latents, taken as they are asked for: progress, previews and stopping are
/// the caller's.
///
/// No `Sequence`: a step may fail, and each is taken once.
public final class SamplingLoop {
  private var sampler: any Sampler
  private let predictor: Predictor
  private let noise: NoiseSource
  private let networkBatchSize: Int
  private let startTime: Double?
  private var latents: Tensor
  private var index = 0

  /// Sampling from given latents.
  ///
  /// - Parameters:
  ///   - sampler: at the start of its run.
  ///   - predictor: the network, guidance included.
  ///   - latents: standard normal, `[N, C, H, W]`
  ///   - noise: gives fresh noise, which is sent to the device of the latents.
  ///   - networkBatchSize: the rows of each draw of noise, a multiple of N. With guidance the published
  ///     code draws 2 N and uses the first N.
  public init(
    _ sampler: any Sampler, _ predictor: Predictor, from latents: Tensor, noise: NoiseSource,
    networkBatchSize: Int
  ) {
    self.sampler = sampler
    self.predictor = predictor
    self.latents = latents
    self.noise = noise
    self.networkBatchSize = networkBatchSize
    startTime = sampler.time
  }

  /// Takes the next step; nil after the last.
  ///
  /// - Throws: `TorchError` if memory does not suffice or the device fails. The step can then be taken
  ///   again.
  public func next() throws -> SamplingStep? {
    guard let time = sampler.time else { return nil }
    let (sampler, latents) = try withTorchErrors { withoutGradients { advanced() } }
    self.sampler = sampler
    self.latents = latents
    index += 1
    return SamplingStep(
      index: index - 1, count: sampler.stepCount, progress: progress(sampler), time: time,
      latents: latents, isLast: sampler.time == nil)
  }

  /// The sampler and the latents after the next step.
  private func advanced() -> (any Sampler, Tensor) {
    var sampler = sampler
    let (noise, shape, rows, device) = (noise, latents.shape, networkBatchSize, latents.device)
    let result = sampler.step(latents, predictor) {
      noise.draw(sampleCount: shape[0], networkBatchSize: rows, shape: Array(shape.dropFirst()))
        .to(device)
    }
    return (sampler, result)
  }

  /// Takes all steps that are left.
  ///
  /// - Parameter afterEach: called after each step; throws to stop.
  /// - Returns: the latents at the end, `[N, C, H, W]`.
  /// - Throws: `TorchError` if memory does not suffice or the device fails; what `afterEach` throws.
  public func run(_ afterEach: (SamplingStep) throws -> Void = { _ in }) throws -> Tensor {
    while let step = try next() { try afterEach(step) }
    return latents
  }

  /// By steps if their number is known, else by time.
  private func progress(_ sampler: any Sampler) -> Double {
    guard let time = sampler.time, let startTime else { return 1 }
    if let count = sampler.stepCount { return Double(index) / Double(count) }
    return (startTime - time) / (startTime - predictor.path.dataTime)
  }
}
