public import Models
public import Torch

// N images, c latent channels, C channels, h w latents, H W image.

/// An `AutoencoderKL` without its encoder, laid out for decoding on a processor in float32.
///
/// It computes what `AutoencoderKL.decode` does, to rounding: images have their channels last; group
/// norm, SiLU, doubling of the size, bias and residual are parts of the convolutions, which need a
/// quarter of the multiplications; and scratch memory does not grow with the image. Statistics of
/// norms, and attention, are those of the whole image, so there are no seams.
public final class CompiledDecoder: Autoencoder {
  /// See `Autoencoder`.
  public let downsamplingFactor: Int
  /// See `Autoencoder`.
  public let latentChannelCount: Int
  /// See `Autoencoder`.
  public let defaultScaleFactor: Double
  /// It has no encoder.
  public let canEncode = false
  /// See `Autoencoder`.
  public let canDecode: Bool

  /// The weights as they came, until the first image asks for them.
  private enum Plan {
    case waiting(AutoencoderKL, laidOut: () -> Void)
    case ready(DecoderPlan)
  }

  private var plan: Plan

  /// A decoder whose weights are laid out with the first image.
  ///
  /// - Parameters:
  ///   - model: its parameters are float32 on a processor.
  ///   - laidOut: called when the parameters are not needed any more.
  public init(_ model: AutoencoderKL, laidOut: @escaping () -> Void = {}) {
    downsamplingFactor = model.downsamplingFactor
    latentChannelCount = model.latentChannelCount
    defaultScaleFactor = model.defaultScaleFactor
    canDecode = model.canDecode
    plan = .waiting(model, laidOut: laidOut)
  }

  /// See `Autoencoder`.
  public func encode(_ images: Tensor) -> LatentDistribution {
    fatalError("CompiledDecoder: there is no encoder")
  }

  /// See `Autoencoder`.
  public func decode(_ latents: Tensor) -> Tensor { loadedPlan()(latents) }

  private func loadedPlan() -> DecoderPlan {
    switch plan {
    case .ready(let plan): return plan
    case .waiting(let model, let laidOut):
      guard let decoder = model.decoder else { fatalError("AutoencoderKL: no decoder was loaded") }
      let loaded = DecoderPlan(decoder, postQuantization: model.postQuantization)
      plan = .ready(loaded)
      laidOut()
      return loaded
    }
  }
}

/// The decoder of a mode: laid out where that is for the device, else the model as it is.
///
/// - Parameters:
///   - model: its parameters are float32.
///   - mode: how to run.
///   - device: where the parameters lie.
///   - laidOut: called when the parameters are not needed any more.
/// - Returns: an autoencoder that decodes.
public func makeDecoder(
  _ model: any Autoencoder, mode: ExecutionMode, device: Device,
  laidOut: @escaping () -> Void = {}
) -> any Autoencoder {
  guard mode == .graph, device == .cpu, let model = model as? AutoencoderKL, model.canDecode else {
    return model
  }
  return CompiledDecoder(model, laidOut: laidOut)
}
