package import Diffusion
internal import Models
internal import Torch

extension LatentDiffusionPipeline {
  /// The random numbers of a recorded batch.
  ///
  /// The generator is brought to where the batch began: the noise of those before it is drawn again.
  ///
  /// - Parameters:
  ///   - place: of an image in the batch.
  ///   - settings: those of the image.
  ///   - check: called after each step of the batches before; throws to stop.
  /// - Returns: the random numbers for all of its batch.
  /// - Throws: `PipelineError` if the model has no such class, or for an option out of range;
  ///   `TorchError` if the device fails; what `check` throws.
  package func noise(
    at place: ImagePlace, _ settings: SamplingSettings, check: () throws -> Void = {}
  ) throws -> NoiseSource {
    if let label = place.labels.first(where: { $0 >= model.classCount }) {
      throw PipelineError(
        .imageRecord,
        "the image was made with one of class \(label), and the model has classes 0 to"
          + " \(model.classCount - 1)")
    }
    guard !place.hasOwnNoise else {
      let first = settings.seed &- UInt64(place.row)
      return .perSample(
        try place.labels.indices.map { try makeGenerator(seed: first &+ UInt64($0)) })
    }
    let generator = try makeGenerator(seed: settings.seed)
    for _ in 0..<place.batch {
      try skipBatch(
        of: settings.batchSize ?? place.labels.count, settings.options, generator, check: check)
    }
    return .perBatch(generator)
  }

  /// Draws the noise of a batch and drops it.
  private func skipBatch(
    of count: Int, _ options: SamplingOptions, _ generator: Generator, check: () throws -> Void
  ) throws {
    let channels = model.outputChannelCount
    // What is drawn does not depend on what the network predicts.
    let network: Network = { latents, _ in
      var shape = latents.shape
      shape[1] = channels
      return .zeros(shape, device: latents.device)
    }
    let labels = Array(repeating: 0, count: count)
    _ = try samplingLoop(labels, options, .perBatch(generator)) { _, _ in network }
      .run { _ in try check() }
  }
}
