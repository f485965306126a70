public import Torch

/// Predicts the noise (and the variance) in latents `[N, C, H, W]` at a timestep of the full process,
/// guidance included: `[N, C or 2 C, H, W]`.
public typealias Denoiser = (_ latents: Tensor, _ timestep: Int) -> Tensor

/// One step that has been taken.
public struct DenoisingStep {
  /// The number of the step, from 0.
  public let index: Int
  /// How many there are.
  public let count: Int
  /// The timestep of the full process, 0 ..< 1000, that the latents came from.
  public let timestep: Int
  /// The latents after the step, `[N, C, H, W]`.
  public let latents: Tensor

  /// Whether the latents are the result.
  public var isLast: Bool { index == count - 1 }
}

/// The steps from noise to latents, taken as they are asked for: progress, previews and stopping
/// belong to the caller.
///
/// No `Sequence`: a step may fail, and each is taken once.
public final class Denoising {
  private let diffusion: GaussianDiffusion
  private let sampler: Sampler
  private let eta: Double
  private let noiseRowCount: Int
  private let noise: NoiseSource
  private let denoiser: Denoiser
  private var latents: Tensor
  private var index = 0

  /// Sampling from given latents.
  ///
  /// Every step draws noise for `noiseRowCount` rows, whether it needs any or not, and uses the first
  /// N: with guidance the published code carries 2 N rows, and a seed then gives the same image.
  ///
  /// - Parameters:
  ///   - diffusion: the process over the (respaced) schedule.
  ///   - sampler: the method.
  ///   - eta: DDIM's share of fresh noise.
  ///   - latents: standard normal, `[N, C, H, W]`
  ///   - noiseRowCount: a multiple of N.
  ///   - noise: gives the noise.
  ///   - denoiser: predicts the noise in latents.
  public init(
    _ diffusion: GaussianDiffusion, sampler: Sampler, eta: Double = 0, from latents: Tensor,
    noiseRowCount: Int, noise: NoiseSource, denoiser: @escaping Denoiser
  ) {
    self.diffusion = diffusion
    self.sampler = sampler
    self.eta = eta
    self.latents = latents
    self.noiseRowCount = noiseRowCount
    self.noise = noise
    self.denoiser = denoiser
  }

  /// Takes the next step; nil after the last.
  ///
  /// - Throws: `TorchError` if memory does not suffice or the device fails; the latents are then those
  ///   before the step.
  public func next() throws -> DenoisingStep? {
    let count = diffusion.schedule.count
    guard index < count else { return nil }
    let step = count - 1 - index
    let timestep = diffusion.schedule.timesteps[step]
    latents = try withTorchErrors {
      withoutGradients {
        let output = denoiser(latents, timestep)
        let noise = noise.draw(
          imageCount: latents.size(0), rowCount: noiseRowCount,
          shape: Array(latents.shape.dropFirst()))
        return diffusion.step(sampler, latents, output: output, step: step, noise: noise, eta: eta)
      }
    }
    defer { index += 1 }
    return DenoisingStep(index: index, count: count, timestep: timestep, latents: latents)
  }
}
