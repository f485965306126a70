public import Diffusion
internal import Torch

extension LatentDiffusionPipeline {
  /// Some images of a plan, which do not depend on the others.
  ///
  /// - Parameters:
  ///   - indices: of the images; they are made together.
  ///   - plan: their classes and seeds.
  ///   - options: how they are sampled.
  ///   - check: called after each step; throws to stop.
  /// - Returns: the images in order.
  /// - Throws: `PipelineError` for classes or options out of range, or numbers that are not finite;
  ///   `TorchError` if memory does not suffice; what `check` throws.
  public func images(
    _ indices: Range<Int>, of plan: ImagePlan, options: SamplingOptions,
    check: () throws -> Void = {}
  ) throws -> [ImageJob.Image] {
    // An adaptive sampler chooses its steps by all images of a batch: each goes by itself.
    let isAdaptive = options.settled(for: process).stepCount == nil
    return isAdaptive
      ? try indices.flatMap { try together($0..<$0 + 1, plan, options, check) }
      : try together(indices, plan, options, check)
  }

  private func together(
    _ indices: Range<Int>, _ plan: ImagePlan, _ options: SamplingOptions, _ check: () throws -> Void
  ) throws -> [ImageJob.Image] {
    let labels = indices.map { plan.labels[$0] }
    let generators = try indices.map { try makeGenerator(seed: plan.seed(of: $0)) }
    let steps = try samplingLoop(labels: labels, options: options, noise: .perSample(generators))
    let latents = try steps.run { _ in try check() }
    let pixels = try decode(latents, check: check)
    return zip(indices, pixels).enumerated().map { row, image in
      ImageJob.Image(
        index: image.0, label: labels[row], pixels: image.1,
        place: ImagePlace(labels, row: row, hasOwnNoise: true))
    }
  }
}
