public import Layers
public import Torch

// N batch, C channels, H W image, h w latents, c latent channels.

/// The Tiny AutoEncoder for Stable Diffusion: a distilled stand-in for `AutoencoderKL` whose latents
/// are already scaled.
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

  /// See `Autoencoder`.
  public var downsamplingFactor: Int { config.downsamplingFactor }
  /// See `Autoencoder`.
  public var latentChannelCount: Int { config.latentChannelCount }
  /// Its latents are those of `AutoencoderKL` times 0.18215 already.
  public var defaultScaleFactor: Double { 1 }
  /// An image has one point of latents.
  public var hasPosterior: Bool { false }
  /// See `Autoencoder`.
  public var canEncode: Bool { !encoder.isEmpty }
  /// See `Autoencoder`.
  public var canDecode: Bool { !decoder.isEmpty }

  /// See `Autoencoder`.
  public func encode(_ images: Tensor) -> LatentDistribution {
    guard canEncode else { fatalError("TinyAutoencoder: no encoder was loaded") }
    return LatentDistribution(mean: encoder.reduce((images + 1) * 0.5) { $1($0) })
  }

  /// See `Autoencoder`.
  public func decode(_ latents: Tensor) -> Tensor {
    guard canDecode else { fatalError("TinyAutoencoder: no decoder was loaded") }
    let bounded = (latents * (1.0 / 3)).hyperbolicTangent * 3
    return decoder.reduce(bounded) { $1($0) } * 2 - 1
  }
}

/// The shape of a `TinyAutoencoder`: what its two stacks consist of.
public struct TinyAutoencoderConfig: Sendable, Equatable {
  /// One place in a stack.
  public enum Layer: Sendable, Equatable {
    /// A 3x3 convolution; stride 2 halves the image.
    case convolution(input: Int, output: Int, stride: Int, hasBias: Bool)
    /// Three convolutions around which the input goes.
    case block(Int)
    /// max(x, 0)
    case relu
    /// Doubles the image.
    case upsample
  }

  /// The encoder; empty for none.
  public var encoder: [Layer]
  /// The decoder; empty for none.
  public var decoder: [Layer]

  /// Height and width of an image over those of its latents.
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

  /// Reads the configuration off the shapes of a state dict in the names of diffusers.
  ///
  /// - Throws: `ModelError` if the shapes are of something else.
  public static func inferred(from shapes: [String: [Int]]) throws -> TinyAutoencoderConfig {
    let config = TinyAutoencoderConfig(
      encoder: encoder(Stack(shapes, "encoder.layers")),
      decoder: decoder(Stack(shapes, "decoder.layers")))
    guard config.latentChannelCount > 0 else {
      throw ModelError(
        "not a TinyAutoencoder: no stack of layers in encoder.layers or decoder.layers")
    }
    let half = TinyAutoencoderConfig(encoder: [], decoder: config.decoder)
    guard
      config.encoder.isEmpty || config.decoder.isEmpty
        || (half.downsamplingFactor, half.latentChannelCount)
          == (config.downsamplingFactor, config.encodedChannelCount)
    else {
      throw ModelError(
        "not a whole TinyAutoencoder: the encoder makes \(config.encodedChannelCount) channels at 1 /"
          + " \(config.downsamplingFactor) of the size, and the decoder takes"
          + " \(half.latentChannelCount) at 1 / \(half.downsamplingFactor)")
    }
    return config
  }

  /// Channels that come out of the encoder; 0 without one.
  private var encodedChannelCount: Int {
    if case .convolution(_, let output, _, _) = encoder.last { output } else { 0 }
  }

  /// Convolutions without bias halve the image.
  private static func encoder(_ stack: Stack) -> [Layer] {
    (0..<stack.count).compactMap { place in
      stack.parameterized(place, stride: stack.hasBias(place) ? 1 : 2)
    }
  }

  /// Between places with parameters stand ReLU (after the first) and upsampling.
  private static func decoder(_ stack: Stack) -> [Layer] {
    (0..<stack.count).map { place in
      stack.parameterized(place, stride: 1) ?? (place == 1 ? .relu : .upsample)
    }
  }

  /// The shapes of a list of layers.
  private struct Stack {
    private let shapes: [String: [Int]]
    private let prefix: String
    /// One more than the last place with parameters.
    let count: Int

    init(_ shapes: [String: [Int]], _ prefix: String) {
      self.shapes = shapes
      self.prefix = prefix
      let places = shapes.keys.compactMap { name -> Int? in
        guard name.hasPrefix(prefix + ".") else { return nil }
        return Int(name.dropFirst(prefix.count + 1).prefix { $0 != "." })
      }
      count = min((places.max() ?? -1) + 1, 256)
    }

    func hasBias(_ place: Int) -> Bool { shapes["\(prefix).\(place).bias"] != nil }

    func parameterized(_ place: Int, stride: Int) -> Layer? {
      if let shape = shapes["\(prefix).\(place).weight"], shape.count == 4 {
        return .convolution(
          input: shape[1], output: shape[0], stride: stride, hasBias: hasBias(place))
      }
      return shapes["\(prefix).\(place).conv.0.weight"]?.first.map { .block($0) }
    }
  }
}

/// A place in a stack of a `TinyAutoencoder`.
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

/// Three 3x3 convolutions with ReLU around which the input goes.
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
