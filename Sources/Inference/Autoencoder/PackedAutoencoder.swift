public import Models
public import Torch

// N images, c latent channels, C channels, h w latents, H W image.

/// An `AutoencoderKL` laid out for a processor in float32.
///
/// It computes what `AutoencoderKL` does, to rounding: images have their channels last; group norm,
/// SiLU, doubling of the size, bias and residual are parts of the convolutions, which need a quarter
/// of the multiplications, but for those that halve the size. Large images are worked on one at a
/// time, small ones together, each in one memory of the size of its largest stage, which is worked
/// through in strips. Statistics of norms, and attention, are those of the whole image, so there are
/// no seams; latents of an image do not depend on the others, to the last bit.
public final class PackedAutoencoder: Autoencoder {
  /// See `Autoencoder`.
  public let downsamplingFactor: Int
  /// See `Autoencoder`.
  public let latentChannelCount: Int
  /// See `Autoencoder`.
  public let defaultScaleFactor: Double
  /// See `Autoencoder`.
  public let hasPosterior: Bool
  /// See `Autoencoder`.
  public var canEncode: Bool { encoder != nil }
  /// See `Autoencoder`.
  public var canDecode: Bool { decoder != nil }

  /// One image of 256 px, which takes 0.07 GB, or more that are smaller.
  private static let groupPixelCount = 256 * 256
  /// The least that makes a strip.
  private static let stripPixelCount = 128 * 128

  private var encoder: Half<EncoderPlan>?
  private var decoder: Half<DecoderPlan>?
  private let stripPixelCount: Int?
  private let laidOut: () -> Void

  /// An autoencoder each half of which is laid out with its first image.
  ///
  /// - Parameters:
  ///   - model: its parameters are float32 on a processor.
  ///   - encodes: whether the encoder is kept, if there is one.
  ///   - stripPixelCount: about so many pixels are worked on at a time, where the result needs other
  ///     memory than the image; if nil so many that all threads are busy with decoding, and always as many
  ///     to encode, so that latents do not depend on the threads.
  ///   - laidOut: called when the parameters of a half are not needed any more.
  public init(
    _ model: AutoencoderKL, encodes: Bool = true, stripPixelCount: Int? = nil,
    laidOut: @escaping () -> Void = {}
  ) {
    self.stripPixelCount = stripPixelCount
    self.laidOut = laidOut
    downsamplingFactor = model.downsamplingFactor
    latentChannelCount = model.latentChannelCount
    defaultScaleFactor = model.defaultScaleFactor
    hasPosterior = model.hasPosterior
    if encodes, let weights = model.encoder {
      let quantization = model.quantization
      encoder = .waiting { EncoderPlan(weights, quantization: quantization) }
    }
    if let weights = model.decoder {
      let postQuantization = model.postQuantization
      decoder = .waiting { DecoderPlan(weights, postQuantization: postQuantization) }
    }
  }

  /// See `Autoencoder`.
  public func encode(_ images: Tensor) -> LatentDistribution { encode(images) {} }

  /// See `Autoencoder`; checks between convolutions and strips.
  public func encode(
    _ images: Tensor, check: () throws -> Void
  ) rethrows -> LatentDistribution {
    guard canEncode else { fatalError("PackedAutoencoder: there is no encoder") }
    guard let plan = encoder?.plan(laidOut) else { return LatentDistribution(mean: images) }
    let strip = stripPixelCount ?? PackedAutoencoder.stripPixelCount
    let moments = try inGroups(images, pixelCount: images.size(2) * images.size(3)) {
      try plan($0, stripPixelCount: strip, check)
    }
    return LatentDistribution(moments: moments)
  }

  /// See `Autoencoder`.
  public func decode(_ latents: Tensor) -> Tensor { decode(latents) {} }

  /// See `Autoencoder`; checks between convolutions and strips.
  public func decode(_ latents: Tensor, check: () throws -> Void) rethrows -> Tensor {
    guard canDecode else { fatalError("PackedAutoencoder: there is no decoder") }
    guard let plan = decoder?.plan(laidOut) else { return latents }
    let area = downsamplingFactor * downsamplingFactor
    let strip =
      stripPixelCount ?? max(PackedAutoencoder.stripPixelCount, 4096 * LibTorch.threadCount)
    return try inGroups(latents, pixelCount: latents.size(2) * latents.size(3) * area) {
      try plan($0, stripPixelCount: strip, check)
    }
  }

  /// Works on so many rows at a time that their images have `groupPixelCount` pixels, or on one:
  /// filters are transformed once for each group.
  private func inGroups(
    _ x: Tensor, pixelCount: Int, _ body: (Tensor) throws -> Tensor
  ) rethrows -> Tensor {
    let step = max(PackedAutoencoder.groupPixelCount / max(pixelCount, 1), 1)
    return concatenated(
      try stride(from: 0, to: x.size(0), by: step).map {
        try body(x[$0..<min($0 + step, x.size(0))])
      })
  }
}

/// An encoder or a decoder, whose weights stay as they came until the first image asks for them.
private enum Half<Plan> {
  case waiting(() -> Plan)
  case ready(Plan)

  /// The plan; nil if its weights could not be laid out, within `withTorchErrors`, which will throw.
  mutating func plan(_ laidOut: () -> Void) -> Plan? {
    switch self {
    case .ready(let plan): return plan
    case .waiting(let layOut):
      do {
        let plan = try withTorchErrors(layOut)
        self = .ready(plan)
        laidOut()
        return plan
      } catch {
        report(error as? TorchError ?? TorchError(operation: "autoencoder", message: "\(error)"))
        return nil
      }
    }
  }
}

/// The autoencoder of a mode: laid out where that is for the device, else the model as it is.
///
/// - Parameters:
///   - model: its parameters are float32.
///   - encodes: whether the encoder is needed.
///   - mode: how to run.
///   - device: where the parameters lie.
///   - laidOut: called when the parameters of a half are not needed any more.
/// - Returns: an autoencoder.
public func makeAutoencoder(
  _ model: any Autoencoder, encodes: Bool = true, mode: ExecutionMode, device: Device,
  laidOut: @escaping () -> Void = {}
) -> any Autoencoder {
  guard mode == .graph, device.capabilities.hasPackedKernels, let model = model as? AutoencoderKL
  else { return model }
  return PackedAutoencoder(model, encodes: encodes, laidOut: laidOut)
}
