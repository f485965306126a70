internal import Inference
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite(.ownKernels) struct PackedEncoderTests {
  /// An encoder with random weights, of three resolutions if nothing else is said.
  private static func model(_ widths: [Int] = [32, 64, 96]) throws -> AutoencoderKL {
    let config = AutoencoderKLConfig(blockChannels: widths, layersPerBlock: 2, hasDecoder: false)
    let generator = try Generator(seed: 9)
    return AutoencoderKL(config, at: ParameterStore(.initialize(generator)).root)
  }

  /// Compares both moments, halves of one result, with those of the model as it is written.
  private static func expectSame(
    _ encoder: PackedAutoencoder, as model: AutoencoderKL, of images: Tensor
  ) throws {
    let latents = encoder.encode(images)
    let expected = withoutGradients { model.encode(images) }
    func moments(_ latents: LatentDistribution) throws -> Tensor {
      concatenated([latents.mean, try #require(latents.logVariance)], axis: 1)
    }
    #expect(relativeError(try moments(latents), try moments(expected)) < Tolerance.float32)
  }

  @Test func encodesAsTheReferenceDoes() throws {
    let values = try GoldenValues("autoencoder-kl")
    let weights = values.weights
    let encoder = PackedAutoencoder(try AutoencoderKL(weights))
    #expect(encoder.canEncode && encoder.canDecode && encoder.hasPosterior)
    for _ in 0..<2 {
      let latents = encoder.encode(values["image"])
      #expect(relativeError(latents.mean, values["mean"]) < Tolerance.float32)
      #expect(
        relativeError(try #require(latents.logVariance), values["logvar"]) < Tolerance.float32)
    }
  }

  // Images of many strips and of less than one; those that are no multiples of the factor lose their
  // last rows and columns as in the plain encoder.
  @Test(arguments: [
    [4, 4], [4, 28], [8, 4], [12, 20], [64, 64], [148, 52], [37, 23], [33, 23], [7, 9],
  ])
  func encodesImagesOfAnySizeWithoutSeams(_ size: [Int]) throws {
    let model = try PackedEncoderTests.model()
    let images = Tensor.randn([2, 3] + size, generator: try Generator(seed: 1))
    let encoder = PackedAutoencoder(model, stripPixelCount: 200)
    #expect(encoder.encode(images).mean.shape == [2, 4, size[0] / 4, size[1] / 4])
    try PackedEncoderTests.expectSame(encoder, as: model, of: images)
  }

  // Channels that grow by less and by more than twice from one resolution to the next, and that fall.
  @Test(arguments: [[32], [32, 64], [32, 160, 64], [96, 32, 128, 64]])
  func encodesWithAnyWidths(_ widths: [Int]) throws {
    let model = try PackedEncoderTests.model(widths)
    let images = Tensor.randn([1, 3, 40, 24], generator: try Generator(seed: 1))
    try PackedEncoderTests.expectSame(
      PackedAutoencoder(model, stripPixelCount: 64), as: model, of: images)
  }

  @Test func takesImagesWhoseNumbersLieApart() throws {
    let model = try PackedEncoderTests.model()
    let images = Tensor.randn([2, 16, 24, 6], generator: try Generator(seed: 1))
      .narrowed(axis: 3, start: 2, count: 3).permuted([0, 3, 2, 1])
    #expect(!images.isContiguous && images.shape == [2, 3, 24, 16])
    try PackedEncoderTests.expectSame(PackedAutoencoder(model), as: model, of: images)
  }

  // Training on a folder has other batches than the cache that `dit encode` makes. Images that are
  // worked on together in many strips, and those of which two are too many.
  @Test(arguments: [[20, 28], [37, 23], [320, 256]])
  func encodesABatchAsItsImagesToTheLastBit(_ size: [Int]) throws {
    let encoder = PackedAutoencoder(
      try PackedEncoderTests.model([32, 64]), stripPixelCount: 200)
    let images = Tensor.randn([3, 3] + size, generator: try Generator(seed: 2))
    let all = encoder.encode(images)
    #expect(all.mean.shape == [3, 4, size[0] / 2, size[1] / 2])
    for row in 0..<3 {
      let one = encoder.encode(images[row..<row + 1])
      #expect(relativeError(one.mean, all.mean[row..<row + 1]) == 0)
      #expect(
        relativeError(
          try #require(one.logVariance), try #require(all.logVariance)[row..<row + 1]) == 0)
    }
  }

  // A second image must not come from what the first one left undone.
  @Test func asksForTheWeightsAgainIfTheyCouldNotBeLaidOut() throws {
    let values = try GoldenValues("autoencoder-kl")
    var weights = values.weights
    weights["encoder.conv_out.weight"] = weights["encoder.conv_out.weight"]?.to(.float64)
    var count = 0
    let encoder = PackedAutoencoder(try AutoencoderKL(weights)) { count += 1 }
    for _ in 0..<2 {
      let error = #expect(throws: TorchError.self) {
        try withTorchErrors { encoder.encode(values["image"]).mean }
      }
      #expect(error?.operation.contains("pack_convolution_weight") == true)
    }
    #expect(count == 0)
    #expect(
      relativeError(encoder.decode(values["latents"]), values["decoded"]) < Tolerance.float32)
    #expect(count == 1)
  }

  @Test func leavesTheEncoderOutWhereItIsNotNeeded() throws {
    let values = try GoldenValues("autoencoder-kl")
    let model = try AutoencoderKL(values.weights)
    let decoder = PackedAutoencoder(model, encodes: false)
    #expect(!decoder.canEncode && decoder.canDecode)
    #expect(makeAutoencoder(model, mode: .graph, device: .cpu) is PackedAutoencoder)
    #expect(makeAutoencoder(model, mode: .eager, device: .cpu) is AutoencoderKL)
  }

  // Convolutions of eight blocks, and the strips of large images.
  @Test(arguments: [(100_000, 16), (200, 40)])
  func stopsBetweenSteps(_ stripPixelCount: Int, _ least: Int) throws {
    let encoder = PackedAutoencoder(
      try PackedEncoderTests.model(), stripPixelCount: stripPixelCount)
    let images = Tensor.randn([1, 3, 64, 64], generator: try Generator(seed: 2))
    try expectStops(least: least) { check in try encoder.encode(images, check: check).mean }
  }
}
