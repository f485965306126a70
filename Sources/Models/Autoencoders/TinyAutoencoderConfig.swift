/// The shape of a `TinyAutoencoder`: the layers of its encoder and decoder.
public struct TinyAutoencoderConfig: Sendable, Equatable {
  /// A layer.
  public enum Layer: Sendable, Equatable {
    /// A 3x3 convolution; stride 2 halves the resolution.
    case convolution(input: Int, output: Int, stride: Int, hasBias: Bool)
    /// A residual block of this width.
    case block(Int)
    /// max(x, 0)
    case relu
    /// Doubles the resolution.
    case upsample
  }

  /// The encoder; empty for none.
  public var encoder: [Layer]
  /// The decoder; empty for none.
  public var decoder: [Layer]
  /// The factor on latents before a diffusion model sees them; 1 for the published models, whose
  /// latents are those of `AutoencoderKL` times 0.18215.
  public var scaleFactor = 1.0
  /// Mean and deviation of the latents, which are taken off before the scale factor.
  public var statistics = LatentStatistics()

  /// Image size over latent size, per side.
  public var downsamplingFactor: Int {
    let strides = encoder.reduce(1) { factor, layer in
      if case .convolution(_, _, let stride, _) = layer { factor * stride } else { factor }
    }
    return encoder.isEmpty ? decoder.reduce(1) { $1 == .upsample ? 2 * $0 : $0 } : strides
  }

  /// Channels of the latents.
  public var latentChannelCount: Int {
    if case .convolution(let input, _, _, _) = decoder.first { return input }
    return encodedChannelCount
  }

  /// Output channels of the encoder; 0 without an encoder.
  var encodedChannelCount: Int {
    if case .convolution(_, let output, _, _) = encoder.last { output } else { 0 }
  }
}
