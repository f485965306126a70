internal import Checkpoint
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct AutoencoderTests {
  @Test func kLEncodesAndDecodesAsTheReferenceDoes() throws {
    let values = try GoldenValues("autoencoder-kl")
    let weights = values.weights
    let store = ParameterStore(.load(weights))
    let config = try AutoencoderKLConfig.inferred(from: weights.mapValues(\.shape))
    #expect(config == AutoencoderKLConfig(blockChannels: [32, 64], layersPerBlock: 1))
    let model = AutoencoderKL(config, at: store.root)
    try store.verifyLoaded()
    #expect(model.downsamplingFactor == 2)
    let latents = model.encode(values["image"])
    #expect(relativeError(latents.mean, values["mean"]) < Tolerance.float32)
    let logVariance = try #require(latents.logVariance)
    #expect(relativeError(logVariance, values["logvar"]) < Tolerance.float32)
    let sample = latents.sample(noise: values["noise"])
    #expect(relativeError(sample, values["sample"]) < Tolerance.float32)
    let image = model.decode(values["latents"])
    #expect(relativeError(image, values["decoded"]) < Tolerance.float32)
  }

  /// VA-VAE: five levels, attention after each block of the coarsest, names of CompVis.
  @Test func vaVAEEncodesAndDecodesAsTheReferenceDoes() throws {
    let values = try GoldenValues("lightning/vavae")
    let (kind, weights) = try #require(StateDicts.autoencoder(values.weights))
    let config = try AutoencoderKLConfig.inferred(from: weights.mapValues(\.shape), groupCount: 2)
    #expect(kind == .kl && config.blockChannels == [2, 2, 4, 4, 8])
    #expect(config.encoderAttention == [4] && config.decoderAttention == [4])
    #expect(config.latentChannelCount == 8 && config.layersPerBlock == 1)
    let store = ParameterStore(.load(weights))
    let model = AutoencoderKL(config, at: store.root)
    try store.verifyLoaded()
    #expect(model.downsamplingFactor == 16)
    let latents = model.encode(values["image"])
    #expect(relativeError(latents.mean, values["mean"]) < Tolerance.float32)
    let logVariance = try #require(latents.logVariance)
    #expect(relativeError(logVariance, values["logvar"]) < Tolerance.float32)
    let run = try GoldenValues("lightning/sampler")
    let statistics = try Checkpoint.open(golden("lightning/latents_stats.pt"))
    let (mean, deviation) = (statistics.tensor("mean"), statistics.tensor("std"))
    let z = run["states"][7][0..<1] * (try #require(deviation)) + (try #require(mean))
    let corner = model.decode(z).narrowed(axis: 2, start: 0, count: 16)
      .narrowed(axis: 3, start: 0, count: 16)
    #expect(relativeError(corner, run["decoded"]) < Tolerance.float32)
    // A perceptual loss and a vision model are left behind.
    let more = values.weights.merging(
      ["loss.logvar": .zeros([1]), "foundation_model.model.norm.weight": .zeros([4])]) { $1 }
    #expect(StateDicts.autoencoder(more)?.state.count == weights.count)
  }

  @Test func tinyEncodesAndDecodesAsTheReferenceDoes() throws {
    let values = try GoldenValues("autoencoder-tiny")
    let weights = values.weights
    let store = ParameterStore(.load(weights))
    let model = TinyAutoencoder(
      try TinyAutoencoderConfig.inferred(from: weights.mapValues(\.shape)), at: store.root)
    try store.verifyLoaded()
    #expect(model.downsamplingFactor == 8)
    #expect(model.latentChannelCount == 4)
    #expect(
      relativeError(model.encode(values["image"]).mean, values["encoded"]) < Tolerance.float32)
    #expect(relativeError(model.decode(values["latents"]), values["decoded"]) < Tolerance.float32)
  }

  @Test(arguments: ["encoder", "decoder"]) func loadsOneHalf(_ half: String) throws {
    let weights = try GoldenValues("autoencoder-kl").weights
      .filter { $0.key.hasPrefix(half + ".") }
    let config = try AutoencoderKLConfig.inferred(from: weights.mapValues(\.shape))
    #expect(config.blockChannels == [32, 64] && config.layersPerBlock == 1)
    #expect(config.latentChannelCount == 4)
    let store = ParameterStore(.load(weights))
    let model = AutoencoderKL(config, at: store.root)
    try store.verifyLoaded()
    #expect(model.canEncode == (half == "encoder"))
    #expect(model.canDecode == (half == "decoder"))
  }

  @Test(arguments: [[8], [4, 8], [4, 6, 8, 10]], [1, 2])
  func tinyOfOwnSizeIsReadOffItsShapes(_ widths: [Int], _ blockCount: Int) throws {
    let config = TinyAutoencoderConfig(
      widths: widths, latentChannelCount: 5, blockCount: blockCount)
    let store = ParameterStore(.initialize(try Generator(seed: 1)))
    let model = withoutGradients { TinyAutoencoder(config, at: store.root) }
    #expect(try TinyAutoencoderConfig.inferred(from: store.stateDict.mapValues(\.shape)) == config)
    #expect(model.downsamplingFactor == 1 << (widths.count - 1))
    let latents = model.encode(.zeros([2, 3, 16, 24])).mean
    let factor = model.downsamplingFactor
    #expect(latents.shape == [2, 5, 16 / factor, 24 / factor])
    #expect(model.decode(latents).shape == [2, 3, 16, 24])
  }

  @Test func kLStopsBetweenBlocks() throws {
    let values = try GoldenValues("autoencoder-kl")
    let shapes = values.weights.mapValues(\.shape)
    let model: any Autoencoder = AutoencoderKL(
      try .inferred(from: shapes), at: ParameterStore(.load(values.weights)).root)
    try withoutGradients {
      try expectStops(least: 3) { try model.encode(values["image"], check: $0).mean }
      try expectStops(least: 5) { try model.decode(values["latents"], check: $0) }
    }
  }
}
