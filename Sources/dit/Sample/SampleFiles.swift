internal import Pipeline

/// The files that `dit sample` writes.
struct SampleFiles {
  /// The folder for images; nil for a new one.
  let folder: String?
  /// The file for latents; nil for none.
  let latents: String?
  /// Whether all images are also written as one grid.
  let hasGrid: Bool
  /// Whether images tell how they were made.
  let hasMetadata: Bool
  /// Whether files may be there already.
  let replaces: Bool

  /// The digests of a pipeline's weights, compared with those of the image that gave the settings.
  ///
  /// - Returns: nil if nothing needs them.
  /// - Throws: `PipelineError` if they differ.
  func digests(
    of pipeline: LatentDiffusionPipeline, for repeated: RepeatedImage?
  ) throws -> WeightDigests? {
    guard repeated != nil || hasMetadata && pipeline.makesImages else { return nil }
    let digests = WeightDigests(of: pipeline)
    try repeated?.check(digests)
    return digests
  }

  /// The texts of images; nil for none.
  func texts(
    _ settings: SamplingSettings, _ pipeline: LatentDiffusionPipeline, batchSize: Int,
    _ digests: WeightDigests?
  ) -> ImageTexts? {
    guard hasMetadata else { return nil }
    return digests.map { ImageTexts(settings, pipeline, batchSize: batchSize, $0) }
  }

  /// That digests are missing; nil if they are there.
  static func note(_ digests: WeightDigests) -> String? {
    digests.failure.map { "the images lack the SHA-256 of their weights: \($0)" }
  }
}
