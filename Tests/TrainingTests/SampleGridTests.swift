internal import Diffusion
internal import ImageData
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Training

/// Counts the images that it decodes.
private final class CountingAutoencoder: Autoencoder {
  let downsamplingFactor = 1
  let latentChannelCount = 4
  let defaultScaleFactor = 1.0
  let hasPosterior = false
  let canEncode = false
  let canDecode = true
  var count = 0

  func encode(_ images: Tensor) -> LatentDistribution { LatentDistribution(mean: images) }

  func decode(_ latents: Tensor) -> Tensor {
    count += latents.size(0)
    return latents.narrowed(axis: 1, start: 0, count: 3)
  }
}

@Suite struct SampleGridTests {
  /// Classes without images would show what the model has never seen.
  @Test(arguments: [
    ([31, 153, 779], [31, 153, 779]), (Array(0..<5), [0, 1, 2, 3, 4]),
    (Array(0..<1000), (0..<16).map { $0 * 1000 / 16 }), (Array(100..<117), Array(100..<116)),
  ]) func drawsClassesThatHaveImages(_ classes: [Int], _ drawn: [Int]) {
    let writer = SampleWriter(
      classes: classes, codec: LatentCodec(CountingAutoencoder()),
      process: .ddpm(learnsVariance: true), device: .cpu)
    #expect(writer.labels == drawn)
  }

  /// Others wait for no longer than from one sign to the next.
  @Test func callsMarkAfterEachStepAndBeforeEachImage() throws {
    let values = try GoldenValues("dit-even")
    let autoencoder = CountingAutoencoder()
    var grid = SampleGrid(labels: [0, 1, 2])
    grid.stepCount = 2
    var counts: [Int] = []
    let image = try grid.sample(
      values.config.model, values.weights, of: .ddpm(learnsVariance: true),
      codec: LatentCodec(autoencoder), device: .cpu
    ) { counts.append(autoencoder.count) }
    #expect(counts == [0, 0, 0, 1, 2])
    let size = try values.config.model.inputSize
    #expect(image.width > 2 * size && image.height > 2 * size)
  }
}
