public import Models
public import Torch

// N images, c latent channels, C channels, h w latents, H W image.

/// An `AutoencoderKL` packed for a CPU, in float32.
///
/// It computes what `AutoencoderKL` computes, to rounding. Channels are last. Group norm, SiLU,
/// upsampling, bias and residual are fused into the convolutions, which do a quarter of the
/// multiplications (all except those that downsample). Large images are processed one at a time, small
/// ones in groups. An image has one buffer of the size of its largest stage and is processed in strips;
/// norm statistics and attention cover the whole image, so there are no seams. The latents of an image
/// do not depend on the batch, to the last bit.
public final class PackedAutoencoder: Autoencoder {
  /// Image size over latent size, per side.
  public let downsamplingFactor: Int
  /// Channels of the latents.
  public let latentChannelCount: Int
  /// The model's scale factor.
  public let defaultScaleFactor: Double
  /// Whether the encoder predicts a variance.
  public let hasPosterior: Bool
  /// Whether there is an encoder.
  public var canEncode: Bool { encoder != nil }
  /// Whether there is a decoder.
  public var canDecode: Bool { decoder != nil }

  /// Pixels of a group of images: one of 256 px, which takes 0.07 GB.
  private static let groupPixelCount = 256 * 256
  /// The smallest strip, in pixels.
  private static let stripPixelCount = 128 * 128

  private var encoder: Half<EncoderPlan>?
  private var decoder: Half<DecoderPlan>?
  private let statistics: LatentStatistics
  private let stripPixelCount: Int?
  private let partDone: () -> Void

  /// An autoencoder; each half is packed with its first image.
  ///
  /// - Parameters:
  ///   - model: its parameters must be float32 on the CPU.
  ///   - encodes: false drops the encoder.
  ///   - stripPixelCount: approximate strip size in pixels. If nil, decoding scales it with the thread
  ///     count; encoding uses a fixed size, so that latents do not depend on it.
  ///   - partDone: called after each half, when its unpacked weights are no longer needed.
  public init(
    _ model: AutoencoderKL, encodes: Bool = true, stripPixelCount: Int? = nil,
    partDone: @escaping () -> Void = {}
  ) {
    self.stripPixelCount = stripPixelCount
    self.partDone = partDone
    downsamplingFactor = model.downsamplingFactor
    latentChannelCount = model.latentChannelCount
    defaultScaleFactor = model.defaultScaleFactor
    hasPosterior = model.hasPosterior
    statistics = model.config.statistics
    if encodes, let weights = model.encoder {
      let quantization = model.quantization
      encoder = .waiting { EncoderPlan(weights, quantization: quantization) }
    }
    if let weights = model.decoder {
      let postQuantization = model.postQuantization
      decoder = .waiting { DecoderPlan(weights, postQuantization: postQuantization) }
    }
  }

  /// Encodes images `[N, 3, H, W]`.
  public func encode(_ images: Tensor) -> LatentDistribution { encode(images) {} }

  /// Encodes images, with a check between convolutions and strips.
  public func encode(
    _ images: Tensor, check: () throws -> Void
  ) rethrows -> LatentDistribution {
    guard canEncode else { fatalError("PackedAutoencoder: there is no encoder") }
    guard let plan = encoder?.plan(partDone) else { return LatentDistribution(mean: images) }
    let strip = stripPixelCount ?? PackedAutoencoder.stripPixelCount
    let moments = try inGroups(images, pixelCount: images.size(2) * images.size(3)) {
      try plan($0, stripPixelCount: strip, check)
    }
    return statistics.normalized(LatentDistribution(moments: moments))
  }

  /// Decodes latents `[N, c, h, w]`.
  public func decode(_ latents: Tensor) -> Tensor { decode(latents) {} }

  /// Decodes latents, with a check between convolutions and strips.
  public func decode(_ latents: Tensor, check: () throws -> Void) rethrows -> Tensor {
    guard canDecode else { fatalError("PackedAutoencoder: there is no decoder") }
    guard let plan = decoder?.plan(partDone) else { return latents }
    let area = downsamplingFactor * downsamplingFactor
    let strip =
      stripPixelCount ?? max(PackedAutoencoder.stripPixelCount, 4096 * LibTorch.threadCount)
    return try inGroups(
      statistics.restored(latents), pixelCount: latents.size(2) * latents.size(3) * area
    ) {
      try plan($0, stripPixelCount: strip, check)
    }
  }

  /// Processes images in groups of `groupPixelCount` pixels, at least one image each: filters are
  /// transformed once per group.
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

/// An encoder or a decoder, packed with the first image.
private enum Half<Plan> {
  case waiting(() -> Plan)
  case ready(Plan)

  /// The plan; nil if packing failed, which the enclosing `withTorchErrors` rethrows.
  mutating func plan(_ partDone: () -> Void) -> Plan? {
    switch self {
    case .ready(let plan): return plan
    case .waiting(let layOut):
      do {
        let plan = try withTorchErrors(layOut)
        self = .ready(plan)
        partDone()
        return plan
      } catch {
        report(error as? TorchError ?? TorchError(operation: "autoencoder", message: "\(error)"))
        return nil
      }
    }
  }
}

/// The autoencoder of a mode: packed if there is a packed form for the device, else the model itself.
///
/// - Parameters:
///   - model: its parameters must be float32.
///   - encodes: false drops the encoder.
///   - mode: packed, or as written.
///   - device: the device of the parameters.
///   - partDone: called after each half, when its unpacked weights are no longer needed.
/// - Returns: an autoencoder.
public func makeAutoencoder(
  _ model: any Autoencoder, encodes: Bool = true, mode: ExecutionMode, device: Device,
  partDone: @escaping () -> Void = {}
) -> any Autoencoder {
  // Packed convolutions take multiples of 8 channels.
  guard mode == .graph, device.capabilities.hasPackedKernels, let model = model as? AutoencoderKL,
    model.config.blockChannels.allSatisfy({ $0.isMultiple(of: 8) })
  else { return model }
  return PackedAutoencoder(model, encodes: encodes, partDone: partDone)
}
