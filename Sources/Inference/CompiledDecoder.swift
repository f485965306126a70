public import Models
public import Torch

// N images, c latent channels, C channels, h w latents, H W image.

/// An `AutoencoderKL` without its encoder, laid out for decoding on a processor in float32.
///
/// It computes what `AutoencoderKL.decode` does, to rounding: images have their channels last; group
/// norm, SiLU, doubling of the size, bias and residual are parts of the convolutions, which need a
/// quarter of the multiplications. Images are decoded one at a time, each in one memory of the size
/// of its largest stage, which is worked through in strips. Statistics of norms, and attention, are
/// those of the whole image, so there are no seams.
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
  private let stripPixelCount: Int

  /// A decoder whose weights are laid out with the first image.
  ///
  /// - Parameters:
  ///   - model: its parameters are float32 on a processor.
  ///   - stripPixelCount: about so many pixels are worked on at a time, where the result needs other
  ///     memory than the image; if nil so many that all threads are busy.
  ///   - laidOut: called when the parameters are not needed any more.
  public init(
    _ model: AutoencoderKL, stripPixelCount: Int? = nil, laidOut: @escaping () -> Void = {}
  ) {
    self.stripPixelCount = stripPixelCount ?? max(16_384, 4096 * LibTorch.threadCount)
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
  public func decode(_ latents: Tensor) -> Tensor {
    guard let plan = loadedPlan() else { return latents }
    return concatenated(
      (0..<latents.size(0)).map { plan(latents[$0..<$0 + 1], stripPixelCount: stripPixelCount) })
  }

  /// The plan; nil if its weights could not be laid out, within `withTorchErrors`, which will throw.
  private func loadedPlan() -> DecoderPlan? {
    switch plan {
    case .ready(let plan): return plan
    case .waiting(let model, let laidOut):
      guard let decoder = model.decoder else { fatalError("AutoencoderKL: no decoder was loaded") }
      do {
        let loaded = try withTorchErrors {
          DecoderPlan(decoder, postQuantization: model.postQuantization)
        }
        plan = .ready(loaded)
        laidOut()
        return loaded
      } catch {
        report(error as? TorchError ?? TorchError(operation: "decoder", message: "\(error)"))
        return nil
      }
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
