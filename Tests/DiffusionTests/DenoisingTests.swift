internal import Diffusion
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct DenoisingTests {
  private func steps(denoiser: @escaping Denoiser) throws -> Denoising {
    let generator = try Generator(seed: 1)
    return Denoising(
      GaussianDiffusion(try NoiseSchedule.linear.respaced(to: 3), learnsVariance: false),
      sampler: .ddim, from: .randn([2, 1, 4, 4], generator: generator), noiseRowCount: 2,
      noise: .shared(generator), denoiser: denoiser)
  }

  @Test func throwsWhatAStepCannotDo() throws {
    let steps = try steps { latents, _ in latents + Tensor.ones([3, 3]) }
    let error = #expect(throws: TorchError.self) { try steps.next() }
    #expect(try #require(error).description.contains("add"))
  }

  @Test func goesOnFromTheStepBeforeAFailure() throws {
    var calls = 0
    let steps = try steps { latents, _ in
      calls += 1
      return calls == 2 ? latents + Tensor.ones([3, 3]) : latents * 0.1
    }
    let undisturbed = try self.steps { latents, _ in latents * 0.1 }
    #expect(try steps.next()?.index == 0)
    #expect(throws: TorchError.self) { try steps.next() }
    var (last, expected): (DenoisingStep?, DenoisingStep?)
    while let step = try steps.next() { last = step }
    while let step = try undisturbed.next() { expected = step }
    let (result, reference) = (try #require(last), try #require(expected))
    #expect(result.index == 2 && result.isLast)
    // DDIM without eta adds no noise, so that what was drawn in vain does not matter.
    #expect(relativeError(result.latents, reference.latents) == 0)
  }
}
