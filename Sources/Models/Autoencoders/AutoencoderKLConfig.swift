/// The shape of an `AutoencoderKL`.
public struct AutoencoderKLConfig: Sendable, Equatable {
  /// Channels of each resolution, the finest first.
  public var blockChannels: [Int]
  /// Residual blocks at each resolution of the encoder; the decoder has one more.
  public var layersPerBlock: Int
  /// Channels of the latents.
  public var latentChannelCount: Int
  /// Groups of every group norm.
  public var groupCount: Int
  /// Whether there is an encoder.
  public var hasEncoder: Bool
  /// Whether there is a decoder.
  public var hasDecoder: Bool
  /// Whether there is a 1x1 convolution after the encoder.
  public var hasQuantization: Bool
  /// Whether there is a 1x1 convolution before the decoder.
  public var hasPostQuantization: Bool
  /// Whether the coarsest stage has attention between two blocks of its own.
  public var hasAttention: Bool
  /// The resolutions at which attention follows each block of the encoder, as places in `blockChannels`;
  /// the coarsest one, 16 x 16, in VA-VAE (Yao & Wang 2025).
  public var encoderAttention: Set<Int> = []
  /// The resolutions at which attention follows each block of the decoder.
  public var decoderAttention: Set<Int> = []
  /// The factor on latents before a diffusion model sees them: one over their standard deviation
  /// (Rombach et al. 2022, appendix G).
  public var scaleFactor: Double
  /// The factor of Stable Diffusion's autoencoders.
  public static let publishedScaleFactor = 0.18215
  /// Mean and deviation of the latents, which are taken off before the scale factor.
  public var statistics: LatentStatistics

  /// A configuration; defaults are those of `sd-vae-ft-mse` and its relatives.
  public init(
    blockChannels: [Int] = [128, 256, 512, 512], layersPerBlock: Int = 2,
    latentChannelCount: Int = 4, groupCount: Int = 32, hasEncoder: Bool = true,
    hasDecoder: Bool = true, hasQuantization: Bool = true, hasPostQuantization: Bool = true,
    hasAttention: Bool = true, scaleFactor: Double = AutoencoderKLConfig.publishedScaleFactor,
    statistics: LatentStatistics = LatentStatistics()
  ) {
    self.blockChannels = blockChannels
    self.layersPerBlock = layersPerBlock
    self.latentChannelCount = latentChannelCount
    self.groupCount = groupCount
    self.hasEncoder = hasEncoder
    self.hasDecoder = hasDecoder
    self.hasQuantization = hasQuantization
    self.hasPostQuantization = hasPostQuantization
    self.hasAttention = hasAttention
    self.scaleFactor = scaleFactor
    self.statistics = statistics
  }

  /// Image size over latent size, per side: 2 for each resolution after the first.
  public var downsamplingFactor: Int { 1 << (blockChannels.count - 1) }

  /// Infers the configuration from the shapes of a state dict with diffusers' names.
  ///
  /// The scale factor is the default: no shape shows it.
  ///
  /// - Parameters:
  ///   - shapes: by parameter name.
  ///   - groupCount: groups of every norm, which no shape shows.
  /// - Returns: the configuration.
  /// - Throws: `ModelError` if the shapes are those of another model.
  public static func inferred(
    from shapes: [String: [Int]], groupCount: Int = 32
  ) throws -> AutoencoderKLConfig {
    let hasEncoder = shapes["encoder.conv_in.weight"] != nil
    let hasDecoder = shapes["decoder.conv_in.weight"] != nil
    let prefix = hasEncoder ? "encoder.down_blocks" : "decoder.up_blocks"
    var channels: [Int] = []
    while let shape = shapes["\(prefix).\(channels.count).resnets.0.conv1.weight"] {
      guard let count = shape.first, ShapeArithmetic.isSound(shape) else { break }
      channels.append(count)
    }
    var layers = 0
    while shapes["\(prefix).0.resnets.\(layers).conv1.weight"] != nil { layers += 1 }
    let end = shapes[hasDecoder ? "decoder.conv_in.weight" : "encoder.conv_out.weight"] ?? []
    let latents =
      end.count == 4 && ShapeArithmetic.isSound(end) ? (hasDecoder ? end[1] : end[0] / 2) : 0
    guard hasEncoder || hasDecoder, !channels.isEmpty, latents > 0, layers > (hasEncoder ? 0 : 1)
    else {
      throw ModelError(
        "not an AutoencoderKL: its convolutions (encoder.conv_in, encoder.down_blocks,"
          + " decoder.conv_in, decoder.up_blocks) are missing or of odd shapes")
    }
    guard channels.count <= ShapeArithmetic.maximumHalvingCount + 1 else {
      throw ModelError(
        "not an AutoencoderKL: \(channels.count) resolutions; it may have"
          + " \(ShapeArithmetic.maximumHalvingCount + 1)")
    }
    guard let widest = channels.max(), ShapeArithmetic.isSound([9, widest, widest]),
      ShapeArithmetic.isSound([9, widest, 2, latents])
    else {
      throw ModelError("not an AutoencoderKL: its widths \(channels) are beyond counting")
    }
    guard groupCount > 0, channels.allSatisfy({ $0.isMultiple(of: groupCount) }) else {
      throw ModelError(
        .groupCount,
        "the widths \(channels.map(String.init).joined(separator: ", ")) of this AutoencoderKL do not"
          + " divide into \(groupCount) groups of a norm")
    }
    let half = hasEncoder ? "encoder" : "decoder"
    func attentive(_ stages: String) -> Set<Int> {
      Set(channels.indices.filter { shapes["\(stages).\($0).attentions.0.to_q.weight"] != nil })
    }
    var config = AutoencoderKLConfig(
      blockChannels: hasEncoder ? channels : channels.reversed(),
      layersPerBlock: hasEncoder ? layers : layers - 1, latentChannelCount: latents,
      groupCount: groupCount, hasEncoder: hasEncoder, hasDecoder: hasDecoder,
      hasQuantization: hasEncoder && shapes["quant_conv.weight"] != nil,
      hasPostQuantization: hasDecoder && shapes["post_quant_conv.weight"] != nil,
      hasAttention: shapes["\(half).mid_block.attentions.0.to_q.weight"] != nil)
    if hasEncoder { config.encoderAttention = attentive("encoder.down_blocks") }
    if hasDecoder {
      // The decoder counts from the coarsest.
      let last = channels.count - 1
      config.decoderAttention = Set(attentive("decoder.up_blocks").map { last - $0 })
    }
    return config
  }
}
