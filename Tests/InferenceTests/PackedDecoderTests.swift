internal import Inference
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite(.ownKernels) struct PackedDecoderTests {
  /// A decoder of three resolutions with random weights.
  private static func model() throws -> AutoencoderKL {
    let config = AutoencoderKLConfig(
      blockChannels: [32, 64, 96], layersPerBlock: 1, hasEncoder: false)
    let generator = try Generator(seed: 9)
    return AutoencoderKL(config, at: ParameterStore(.initialize(generator)).root)
  }

  @Test func decodesAsTheReferenceDoes() throws {
    let values = try GoldenValues("autoencoder-kl")
    let weights = values.weights
    let decoder = PackedAutoencoder(try AutoencoderKL(weights))
    #expect(decoder.downsamplingFactor == 2 && decoder.latentChannelCount == 4)
    #expect(decoder.canDecode && decoder.defaultScaleFactor == 0.18215)
    for _ in 0..<2 {
      #expect(
        relativeError(decoder.decode(values["latents"]), values["decoded"]) < Tolerance.float32)
    }
  }

  // Images of many groups of tiles and of many strips, which are computed one after the other, and
  // of less than one.
  @Test(arguments: [[1, 1], [1, 7], [2, 1], [3, 5], [16, 16], [52, 37]])
  func decodesImagesOfAnySizeWithoutSeams(_ size: [Int]) throws {
    let model = try PackedDecoderTests.model()
    let latents = Tensor.randn([2, 4] + size, generator: try Generator(seed: 1))
    let image = PackedAutoencoder(model, stripPixelCount: 200).decode(latents)
    #expect(image.shape == [2, 3, 4 * size[0], 4 * size[1]])
    let expected = withoutGradients { model.decode(latents) }
    #expect(relativeError(image, expected) < Tolerance.float32)
    let whole = PackedAutoencoder(model, stripPixelCount: .max).decode(latents)
    #expect(relativeError(image, whole) < Tolerance.random)
  }

  /// As VA-VAE has it: attention after each block of the coarsest resolution.
  @Test func decodesWithAttentionInAStage() throws {
    var config = AutoencoderKLConfig(
      blockChannels: [8, 8, 16], layersPerBlock: 1, latentChannelCount: 6, groupCount: 8)
    (config.encoderAttention, config.decoderAttention) = ([2], [1, 2])
    let generator = try Generator(seed: 9)
    let model = AutoencoderKL(config, at: ParameterStore(.initialize(generator)).root)
    let packed = PackedAutoencoder(model, stripPixelCount: 64)
    let latents = Tensor.randn([2, 6, 5, 4], generator: generator)
    let expected = withoutGradients { model.decode(latents) }
    #expect(relativeError(packed.decode(latents), expected) < Tolerance.float32)
    let images = Tensor.randn([2, 3, 20, 16], generator: generator)
    let moments = withoutGradients { model.encode(images) }
    #expect(relativeError(packed.encode(images).mean, moments.mean) < Tolerance.float32)
  }

  // Channels that fall by less and by more than half from one resolution to the next, and that grow.
  @Test(arguments: [[32, 96, 128], [32, 160, 64]])
  func decodesWithAnyWidths(_ widths: [Int]) throws {
    let config = AutoencoderKLConfig(blockChannels: widths, layersPerBlock: 1, hasEncoder: false)
    let generator = try Generator(seed: 9)
    let model = AutoencoderKL(config, at: ParameterStore(.initialize(generator)).root)
    let latents = Tensor.randn([1, 4, 9, 6], generator: generator)
    let expected = withoutGradients { model.decode(latents) }
    let image = PackedAutoencoder(model, stripPixelCount: 64).decode(latents)
    #expect(relativeError(image, expected) < Tolerance.float32)
  }

  @Test func takesWeightsWhoseNumbersLieApart() throws {
    let values = try GoldenValues("autoencoder-kl")
    let weights = values.weights.mapValues { weight in
      stacked([weight, weight * 0], axis: weight.rank).selected(axis: weight.rank, index: 0)
    }
    #expect(weights.values.allSatisfy { !$0.isContiguous })
    let decoder = PackedAutoencoder(try AutoencoderKL(weights))
    #expect(
      relativeError(decoder.decode(values["latents"]), values["decoded"]) < Tolerance.float32)
  }

  // A second image must not come from what the first one left undone.
  @Test func asksForTheWeightsAgainIfTheyCouldNotBeLaidOut() throws {
    let values = try GoldenValues("autoencoder-kl")
    var weights = values.weights
    weights["decoder.conv_out.weight"] = weights["decoder.conv_out.weight"]?.to(.float64)
    var count = 0
    let decoder = PackedAutoencoder(try AutoencoderKL(weights)) { count += 1 }
    let messages = (0..<2).map { _ in
      let error = #expect(throws: TorchError.self) {
        try withTorchErrors { decoder.decode(values["latents"]) }
      }
      return error?.operation
    }
    #expect(messages[0]?.contains("pack_convolution_weight") == true && messages[0] == messages[1])
    #expect(count == 0)
  }

  @Test func decodesABatchAsItsImages() throws {
    let decoder = PackedAutoencoder(try PackedDecoderTests.model())
    let latents = Tensor.randn([3, 4, 11, 6], generator: try Generator(seed: 2))
    let images = decoder.decode(latents)
    for row in 0..<3 {
      let image = decoder.decode(latents[row..<row + 1])
      #expect(relativeError(image, images[row..<row + 1]) < Tolerance.float32)
    }
  }

  @Test func letsGoOfTheWeightsAsTheyCame() throws {
    var count = 0
    let decoder = PackedAutoencoder(try PackedDecoderTests.model()) { count += 1 }
    #expect(count == 0)
    let latents = Tensor.randn([1, 4, 2, 2], generator: try Generator(seed: 2))
    _ = (decoder.decode(latents), decoder.decode(latents))
    #expect(count == 1)
  }

  // Convolutions of eight blocks, and the strips of large images.
  @Test(arguments: [(100_000, 16), (200, 40)])
  func stopsBetweenSteps(_ stripPixelCount: Int, _ least: Int) throws {
    let decoder = PackedAutoencoder(
      try PackedDecoderTests.model(), stripPixelCount: stripPixelCount)
    let latents = Tensor.randn([1, 4, 16, 16], generator: try Generator(seed: 2))
    try expectStops(least: least) { check in try decoder.decode(latents, check: check) }
  }
}
