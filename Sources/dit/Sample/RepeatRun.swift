internal import Checkpoint
internal import Diffusion
internal import Foundation
internal import ImageData
internal import Logging
internal import Pipeline
internal import Torch

/// One run of `dit sample --from`: the batch of an image is made again, and the image is kept.
struct RepeatRun {
  private let settings: SamplingSettings
  private let repeated: RepeatedImage
  private let place: ImagePlace
  private let files: SampleFiles

  /// A run.
  ///
  /// - Parameters:
  ///   - settings: those of the image and of flags, which win.
  ///   - repeated: the image.
  ///   - place: in its batch.
  ///   - files: where the image goes.
  init(
    _ settings: SamplingSettings, _ repeated: RepeatedImage, _ place: ImagePlace,
    _ files: SampleFiles
  ) {
    self.settings = settings
    self.repeated = repeated
    self.place = place
    self.files = files
  }

  func run() throws {
    try repeated.checkPresence(settings)
    let device = try settings.pipeline.openDevice()
    let free = MemoryWarning(device)
    let pipeline = try LatentDiffusionPipeline(settings.pipeline, on: device, logger: .notes())
    try pipeline.requireImages()
    let digests = try files.digests(of: pipeline, for: repeated)
    let folder = try OutputFolder(
      files.folder, reserving: [fileName], also: files.latents, replacesFiles: files.replaces)
    defer { folder.removeUnused() }
    note(summary(pipeline))
    SamplingSettingsOptions.emaNotes(pipeline).forEach(note)
    free?.line(sampling: pipeline, settings, batchSize: place.labels.count).map(note)
    let latents = try sample(pipeline)[place.row..<place.row + 1]
    if let path = files.latents {
      try pipeline.requireFinite(latents)
      try CheckpointWriter.write(
        [("latents", latents.to(.cpu))],
        metadata: ["class_labels": "\(place.label)", "seed": "\(settings.seed)"], to: path)
    }
    let texts = files.texts(
      settings, pipeline, batchSize: settings.batchSize ?? place.labels.count, digests)
    for image in try pipeline.decode(latents, check: Interrupt.check) {
      let texts = try texts?.texts(
        of: place, className: repeated.className, check: Interrupt.check)
      try folder.write(image.png(texts: texts ?? []), to: fileName)
    }
    digests.flatMap(SampleFiles.note).map(note)
    try StandardOutput.write(folder.path + "/" + fileName)
  }

  /// That of the image, in another folder.
  private var fileName: String {
    let name = (repeated.path as NSString).lastPathComponent
    return name.lowercased().hasSuffix(".png") ? name : name + ".png"
  }

  private func summary(_ pipeline: LatentDiffusionPipeline) -> String {
    let options = settings.options
    let name = repeated.className ?? pipeline.classNames.name(of: place.label)
    let steps = options.stepCount.map { Amount.of($0, "step") } ?? "steps"
    let others = place.labels.count - 1
    return "'\(repeated.path)' again: \(name), \(steps) of \(options.sampler.name), guidance"
      + " \(options.guidance.scale), seed \(settings.seed), \(pipeline.precision) on \(pipeline.device)"
      + (others > 0
        ? ", with \(Amount.of(others, "other image")) of its batch for the same noise" : "")
  }

  /// The latents of the whole batch.
  private func sample(_ pipeline: LatentDiffusionPipeline) throws -> Tensor {
    let noise = try pipeline.noise(at: place, settings, check: Interrupt.check)
    let steps = try pipeline.samplingLoop(
      labels: place.labels, options: settings.options, noise: noise)
    let ticks = settings.options.stepCount ?? 100
    let progress = Progress("Sampling", count: ticks)
    defer { progress.finish() }
    return try steps.run { step in
      progress.update(Int((step.progress * Double(ticks)).rounded()))
      try Interrupt.check()
    }
  }
}
