internal import Models

extension SamplingSettings {
  /// The images of a job.
  ///
  /// - Parameters:
  ///   - pipeline: made of these settings.
  ///   - count: the number of images.
  ///   - labels: how images get their classes.
  /// - Returns: their classes, seeds and batches.
  /// - Throws: `TorchError` if there is no generator of random numbers.
  public func plan(
    of pipeline: LatentDiffusionPipeline, count: Int, labels: LabelChoice
  ) throws -> ImagePlan {
    ImagePlan(
      labels: try labels.labels(count: count, classCount: pipeline.model.classCount, seed: seed),
      batchSize: batchSize ?? SamplingSettings.defaultBatchSize, imageSize: pipeline.imageSize,
      seed: seed)
  }
}
