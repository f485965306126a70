internal import Layers
internal import Models
internal import Torch

// N images, c latent channels, C channels, h w latents, H W image.

/// The decoder of an `AutoencoderKL` over images with channels last.
struct DecoderPlan {
  private let postQuantization: Conv2d?
  private let input: Conv2d
  private let middle: MiddlePlan
  private let stages: [(blocks: StagePlan, upsample: PackedConvolution?)]
  private let widths: [StageWidths]
  private let norm: GroupNorm
  private let output: PackedConvolution

  /// Packs the weights; large layers are not kept unpacked.
  init(_ decoder: DecoderKL, postQuantization: Conv2d?) {
    self.postQuantization = postQuantization
    input = decoder.input
    middle = MiddlePlan(decoder.middle)
    stages = decoder.stages.map { stage in
      (StagePlan(stage), stage.resample.map(PackedConvolution.init(_:)))
    }
    widths = decoder.stages.map { StageWidths($0.blocks) }
    norm = decoder.norm
    output = PackedConvolution(decoder.output)
  }

  /// Decodes images.
  ///
  /// - Parameters:
  ///   - latents: `[N, c, h, w]`
  ///   - stripPixelCount: approximate strip size in pixels.
  ///   - check: called between convolutions and strips; throws to stop.
  /// - Returns: `[N, 3, H, W]`
  func callAsFunction(
    _ latents: Tensor, stripPixelCount: Int, _ check: () throws -> Void
  ) rethrows -> Tensor {
    let z = postQuantization.map { $0(latents) } ?? latents
    let start = input(z).permuted([0, 2, 3, 1])  // [N, h, w, C]
    let (count, height, width, _) = start.size4
    var memory = ImageMemory(
      count: count, height: height, width: width, doublingThrough: widths,
      stripPixelCount: stripPixelCount)
    memory.images.copyInPlace(from: start)
    try middle(&memory, check)
    for (index, stage) in stages.enumerated() {
      try stage.blocks(&memory, check)
      if let upsample = stage.upsample {
        try memory.double(for: widths[index + 1], by: upsample, check)
      }
    }
    try check()
    let last = memory.images
    return output(last, norm: norm.factors(of: last)).permuted([0, 3, 1, 2])
  }
}
