internal import Layers
internal import Models
internal import Torch

// N images, c latent channels, C channels, H W image, h w latents.

/// The encoder of an `AutoencoderKL` over images with channels last.
struct EncoderPlan {
  private let input: PackedConvolution
  private let stages: [(blocks: StagePlan, downsample: Downsampling?)]
  private let widths: [StageWidths]
  private let middle: MiddlePlan
  private let norm: GroupNorm
  private let output: PackedConvolution
  private let quantization: Conv2d?

  /// Zero channels after red, green and blue: packed convolutions take multiples of 8 channels.
  private static let paddingChannelCount = 5

  /// Packs the weights; large layers are not kept unpacked.
  init(_ encoder: EncoderKL, quantization: Conv2d?) {
    input = PackedConvolution(
      weight: encoder.input.weight.padded([0, 0, 0, 0, 0, EncoderPlan.paddingChannelCount]),
      bias: encoder.input.bias)
    stages = encoder.stages.map { stage in
      (StagePlan(stage), stage.resample.map(Downsampling.init(_:)))
    }
    widths = encoder.stages.map { StageWidths($0.blocks) }
    middle = MiddlePlan(encoder.middle)
    norm = encoder.norm
    output = PackedConvolution(encoder.output)
    self.quantization = quantization
  }

  /// Encodes images; the results do not depend on the batch, to the last bit.
  ///
  /// - Parameters:
  ///   - images: `[N, 3, H, W]`
  ///   - stripPixelCount: approximate strip size in pixels.
  ///   - check: called between convolutions and strips; throws to stop.
  /// - Returns: the moments of their latents, `[N, 2 c, h, w]`
  func callAsFunction(
    _ images: Tensor, stripPixelCount: Int, _ check: () throws -> Void
  ) rethrows -> Tensor {
    let pixels = images.permuted([0, 2, 3, 1]).padded([0, EncoderPlan.paddingChannelCount])
      .contiguous
    let (count, height, width, _) = pixels.size4
    var memory = ImageMemory(
      count: count, height: height, width: width, halvingThrough: widths,
      stripPixelCount: stripPixelCount)
    input.write(pixels, norm: nil, to: memory.images)
    for (index, stage) in stages.enumerated() {
      try stage.blocks(&memory, check)
      if let downsample = stage.downsample {
        try memory.halve(for: widths[index + 1], by: downsample.callAsFunction, check)
      }
    }
    try middle(&memory, check)
    try check()
    let last = memory.images
    let moments = output(last, norm: norm.factors(of: last)).permuted([0, 3, 1, 2])
    return (quantization.map { moments.mapImages($0.callAsFunction) } ?? moments).contiguous
  }
}

/// A convolution of stride 2, by libtorch with channels last: minimal filtering gains nothing there.
private struct Downsampling {
  private let weight: Tensor
  private let bias: Tensor?

  init(_ layer: Conv2d) {
    weight = layer.weight.channelsLast
    bias = layer.bias
  }

  /// A strip, `[1, rows, W, C]`, to half its height and width.
  func callAsFunction(_ strip: ImageMemory.Strip) -> Tensor {
    // Zeros to the right and below the image.
    let x = strip.imageAndRowBelow.permuted([0, 3, 1, 2])
      .padded([0, 1, 0, strip.neighbors.below ? 0 : 1])
    return conv2d(x, weight: weight, bias: bias, stride: 2).permuted([0, 2, 3, 1])
  }
}
