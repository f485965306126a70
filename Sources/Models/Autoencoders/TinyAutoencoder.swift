public import Layers
public import Torch

// N batch, C channels, H W image, h w latents, c latent channels.

/// The Tiny AutoEncoder for Stable Diffusion: a small model distilled from `AutoencoderKL`, with scaled
/// latents.
///
/// Source: https://github.com/madebyollin/taesd; parameter names are those of diffusers'
/// `AutoencoderTiny`. Its networks work on pixels in 0 ... 1; this type maps -1 ... 1 to that.
public struct TinyAutoencoder: Autoencoder {
  /// The shape of the model.
  public let config: TinyAutoencoderConfig
  private let encoder: [TinyLayer]
  private let decoder: [TinyLayer]

  /// Makes all parameters at a scope.
  public init(_ config: TinyAutoencoderConfig, at scope: Scope) {
    self.config = config
    encoder = config.encoder.enumerated().map {
      TinyLayer($1, at: scope / "encoder.layers" / $0)
    }
    decoder = config.decoder.enumerated().map {
      TinyLayer($1, at: scope / "decoder.layers" / $0)
    }
  }

  /// 2 for each downsampling convolution.
  public var downsamplingFactor: Int { config.downsamplingFactor }
  /// Channels of the latents.
  public var latentChannelCount: Int { config.latentChannelCount }
  /// The configuration's scale factor.
  public var defaultScaleFactor: Double { config.scaleFactor }
  /// It predicts no variance.
  public var hasPosterior: Bool { false }
  /// Whether there is an encoder.
  public var canEncode: Bool { !encoder.isEmpty }
  /// Whether there is a decoder.
  public var canDecode: Bool { !decoder.isEmpty }

  /// Encodes images `[N, 3, H, W]`.
  public func encode(_ images: Tensor) -> LatentDistribution {
    guard canEncode else { fatalError("TinyAutoencoder: no encoder was loaded") }
    return config.statistics.normalized(
      LatentDistribution(mean: encoder.reduce((images + 1) * 0.5) { $1($0) }))
  }

  /// Decodes latents `[N, c, h, w]`.
  public func decode(_ latents: Tensor) -> Tensor {
    guard canDecode else { fatalError("TinyAutoencoder: no decoder was loaded") }
    let bounded = (config.statistics.restored(latents) * (1.0 / 3)).hyperbolicTangent * 3
    return decoder.reduce(bounded) { $1($0) } * 2 - 1
  }
}

/// A layer of a `TinyAutoencoder`'s encoder or decoder.
private enum TinyLayer {
  case convolution(Conv2d)
  case block(TinyBlock)
  case relu
  case upsample

  init(_ layer: TinyAutoencoderConfig.Layer, at scope: Scope) {
    switch layer {
    case .convolution(let input, let output, let stride, let hasBias):
      self = .convolution(
        Conv2d(
          input, output, kernelSize: 3, stride: stride, padding: 1, at: scope, hasBias: hasBias))
    case .block(let width): self = .block(TinyBlock(width, at: scope / "conv"))
    case .relu: self = .relu
    case .upsample: self = .upsample
    }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .convolution(let layer): layer(x)
    case .block(let block): block(x)
    case .relu: Torch.relu(x)
    case .upsample: upsampledNearest2x(x)
    }
  }
}

/// Three 3x3 convolutions with ReLU and a residual connection.
private struct TinyBlock {
  let convolutions: [Conv2d]

  init(_ width: Int, at scope: Scope) {
    convolutions = [0, 2, 4].map {
      Conv2d(width, width, kernelSize: 3, padding: 1, at: scope / $0)
    }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    relu(x + convolutions[2](relu(convolutions[1](relu(convolutions[0](x))))))
  }
}
