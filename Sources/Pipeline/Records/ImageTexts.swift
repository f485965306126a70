internal import Diffusion
internal import Files
package import ImageData
internal import Torch

/// Makes the texts of a run's PNG files.
package struct ImageTexts {
  private let settings: SamplingSettings
  private let imageSize: Int
  private let classNames: ClassNames
  private let digests: WeightDigests

  /// The texts of a run.
  ///
  /// - Parameters:
  ///   - settings: as given.
  ///   - pipeline: made of them; it settles what they leave open.
  ///   - batchSize: images at a time.
  ///   - digests: of the pipeline's weights.
  package init(
    _ settings: SamplingSettings, _ pipeline: LatentDiffusionPipeline, batchSize: Int,
    _ digests: WeightDigests
  ) {
    self.settings = settings.recorded(by: pipeline, batchSize: batchSize)
    imageSize = pipeline.imageSize
    classNames = pipeline.classNames
    self.digests = digests
  }

  /// The texts of an image.
  ///
  /// - Parameters:
  ///   - place: in its batch.
  ///   - className: nil for that of the model.
  ///   - seed: nil for that of the run.
  ///   - check: called while the weights' digests are waited for; throws to stop.
  /// - Returns: `parameters` and `dit`.
  /// - Throws: what `check` throws.
  package func texts(
    of place: ImagePlace, className: String? = nil, seed: UInt64? = nil,
    check: () throws -> Void = {}
  ) throws -> [PNGText] {
    let name = className ?? ImageTexts.printable(classNames.name(of: place.label))
    return try texts(
      of: .image(place, className: name), [name], seed: seed ?? settings.seed, check: check)
  }

  /// The texts of a grid.
  ///
  /// - Parameters:
  ///   - labels: the classes.
  ///   - imagesPerLabel: images of each.
  ///   - check: called while the weights' digests are waited for; throws to stop.
  /// - Returns: `parameters` and `dit`.
  /// - Throws: what `check` throws.
  package func texts(
    ofGrid labels: [Int], imagesPerLabel: Int, check: () throws -> Void = {}
  ) throws -> [PNGText] {
    try texts(
      of: .grid(labels: labels, imagesPerLabel: imagesPerLabel),
      labels.map { ImageTexts.printable(classNames.name(of: $0)) },
      seed: settings.seed, check: check)
  }

  /// A name with spaces in place of line feeds and other control characters.
  private static func printable(_ name: String) -> String {
    PNGText("", name).text.replacing("\n", with: " ")
  }

  private func texts(
    of content: ImageRecord.Content, _ names: [String], seed: UInt64, check: () throws -> Void
  ) throws -> [PNGText] {
    var settings = settings
    settings.seed = seed
    let record = ImageRecord(
      settings: settings, weights: try digests.values(check: check), libtorch: LibTorch.version,
      content: content)
    return [
      PNGText("parameters", record.parameters(classNames: names, imageSize: imageSize)),
      PNGText(ImageRecord.textKey, try record.json),
    ]
  }
}

extension SamplingSettings {
  /// The settings with what a run settles, and without the file of class names, which decides no pixel.
  /// Paths stay as they are given.
  fileprivate func recorded(by pipeline: LatentDiffusionPipeline, batchSize: Int) -> Self {
    var settled = settled(for: pipeline)
    settled.pipeline.classNamesPath = nil
    // The built-in model has its own, however it was named.
    if pipeline.makesImages, self.pipeline.ditCheckpoint == nil {
      settled.pipeline.autoencoder = .automatic
    }
    settled.pipeline.imageSize = pipeline.imageSize
    settled.pipeline.scaleFactor = pipeline.scaleFactor
    settled.pipeline.precision = pipeline.precision
    settled.pipeline.device = pipeline.device.description
    settled.options.samplerOptions.timestepSpacing = settled.options.timestepSpacing
    settled.batchSize = batchSize
    return settled
  }
}
