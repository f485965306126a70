public import Layers
public import Torch

// N batch, C channels, H W image, h w latents, c latent channels.

/// The convolutional autoencoder of latent diffusion, with a Gaussian posterior.
///
/// Source: Rombach et al. 2022, section 3.1 and appendix G; parameter names are those of the
/// `AutoencoderKL` in diffusers.
public struct AutoencoderKL: Autoencoder {
  /// The shape of the model.
  public let config: AutoencoderKLConfig
  package let encoder: EncoderKL?
  package let decoder: DecoderKL?
  package let quantization: Conv2d?
  package let postQuantization: Conv2d?

  /// Makes all parameters at a scope.
  public init(_ config: AutoencoderKLConfig, at scope: Scope) {
    self.config = config
    let latents = config.latentChannelCount
    encoder = config.hasEncoder ? EncoderKL(config, at: scope / "encoder") : nil
    decoder = config.hasDecoder ? DecoderKL(config, at: scope / "decoder") : nil
    quantization =
      config.hasQuantization && config.hasEncoder
      ? Conv2d(2 * latents, 2 * latents, kernelSize: 1, at: scope / "quant_conv") : nil
    postQuantization =
      config.hasPostQuantization && config.hasDecoder
      ? Conv2d(latents, latents, kernelSize: 1, at: scope / "post_quant_conv") : nil
  }

  /// 2 for each resolution after the first.
  public var downsamplingFactor: Int { config.downsamplingFactor }
  /// Channels of the latents.
  public var latentChannelCount: Int { config.latentChannelCount }
  /// The configuration's scale factor.
  public var defaultScaleFactor: Double { config.scaleFactor }
  /// Its posterior is Gaussian.
  public var hasPosterior: Bool { true }
  /// Whether there is an encoder.
  public var canEncode: Bool { encoder != nil }
  /// Whether there is a decoder.
  public var canDecode: Bool { decoder != nil }

  /// Encodes images `[N, 3, H, W]`.
  public func encode(_ images: Tensor) -> LatentDistribution { encode(images) {} }

  /// Encodes images, with a check before each block.
  public func encode(
    _ images: Tensor, check: () throws -> Void
  ) rethrows -> LatentDistribution {
    guard let encoder else { fatalError("AutoencoderKL: no encoder was loaded") }
    try check()
    let h = try encoder(images, check)
    return config.statistics.normalized(
      LatentDistribution(moments: quantization.map { $0(h) } ?? h))
  }

  /// Decodes latents `[N, c, h, w]`.
  public func decode(_ latents: Tensor) -> Tensor { decode(latents) {} }

  /// Decodes latents, with a check before each block.
  public func decode(_ latents: Tensor, check: () throws -> Void) rethrows -> Tensor {
    guard let decoder else { fatalError("AutoencoderKL: no decoder was loaded") }
    try check()
    let latents = config.statistics.restored(latents)
    return try decoder(postQuantization.map { $0(latents) } ?? latents, check)
  }
}

extension LatentDistribution {
  /// The distribution that an `AutoencoderKL` encoder predicts.
  ///
  /// - Parameter moments: means and log variances, `[N, 2 c, h, w]`
  package init(moments: Tensor) {
    let parts = moments.chunks(2, axis: 1)
    self.init(mean: parts[0], logVariance: parts[1].clamped(min: -30, max: 20))
  }
}

/// The encoder: images to means and log variances of latents.
package struct EncoderKL {
  package let input: Conv2d
  package let stages: [StageKL]
  package let middle: MiddleKL
  package let norm: GroupNorm
  package let output: Conv2d

  init(_ config: AutoencoderKLConfig, at scope: Scope) {
    let channels = config.blockChannels
    input = Conv2d(3, channels[0], kernelSize: 3, padding: 1, at: scope / "conv_in")
    stages = StageKL.stages(
      channels, attentive: config.encoderAttention, blockCount: config.layersPerBlock,
      groupCount: config.groupCount,
      at: scope / "down_blocks"
    ) { width, scope in
      Conv2d(width, width, kernelSize: 3, stride: 2, at: scope / "downsamplers" / 0 / "conv")
    }
    let width = channels[channels.count - 1]
    middle = MiddleKL(width, config, at: scope / "mid_block")
    norm = GroupNorm(width, groupCount: config.groupCount, at: scope / "conv_norm_out")
    output = Conv2d(
      width, 2 * config.latentChannelCount, kernelSize: 3, padding: 1, at: scope / "conv_out")
  }

  /// `[N, 3, H, W]` to `[N, 2 c, h, w]`
  func callAsFunction(_ x: Tensor, _ check: () throws -> Void) rethrows -> Tensor {
    var h = input(x)
    for stage in stages {
      h = try stage(h, check)
      if let downsample = stage.resample { h = downsample(h.padded([0, 1, 0, 1])) }
    }
    try check()
    return output(silu(norm(middle(h))))
  }
}

/// The decoder: latents to images.
package struct DecoderKL {
  package let input: Conv2d
  package let middle: MiddleKL
  package let stages: [StageKL]
  package let norm: GroupNorm
  package let output: Conv2d

  init(_ config: AutoencoderKLConfig, at scope: Scope) {
    let channels = Array(config.blockChannels.reversed())
    input = Conv2d(
      config.latentChannelCount, channels[0], kernelSize: 3, padding: 1, at: scope / "conv_in")
    middle = MiddleKL(channels[0], config, at: scope / "mid_block")
    stages = StageKL.stages(
      channels, attentive: Set(config.decoderAttention.map { channels.count - 1 - $0 }),
      blockCount: config.layersPerBlock + 1, groupCount: config.groupCount,
      at: scope / "up_blocks"
    ) { width, scope in
      Conv2d(width, width, kernelSize: 3, padding: 1, at: scope / "upsamplers" / 0 / "conv")
    }
    let width = channels[channels.count - 1]
    norm = GroupNorm(width, groupCount: config.groupCount, at: scope / "conv_norm_out")
    output = Conv2d(width, 3, kernelSize: 3, padding: 1, at: scope / "conv_out")
  }

  /// `[N, c, h, w]` to `[N, 3, H, W]`
  func callAsFunction(_ x: Tensor, _ check: () throws -> Void) rethrows -> Tensor {
    var h = middle(input(x))
    for stage in stages {
      h = try stage(h, check)
      try check()
      if let upsample = stage.resample { h = upsample(upsampledNearest2x(h)) }
    }
    return output(silu(norm(h)))
  }
}
