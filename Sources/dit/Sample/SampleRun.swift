internal import Checkpoint
internal import Diffusion
internal import Foundation
internal import ImageData
internal import Inference
internal import Logging
internal import Models
internal import Pipeline
internal import Torch

/// One run of `dit sample`, from settings to files.
struct SampleRun {
  private var settings: SamplingSettings
  private let classLabels: String?
  private let imagesPerLabel: Int
  private let files: SampleFiles
  private let repeated: RepeatedImage?
  private let clock = ContinuousClock()

  /// A run.
  ///
  /// - Parameters:
  ///   - settings: decide the images.
  ///   - classLabels: numbers or names, with commas between; nil for a few classes.
  ///   - imagesPerLabel: images of each label.
  ///   - files: where images go.
  ///   - repeated: the image that gave settings; nil for none.
  init(
    _ settings: SamplingSettings, classLabels: String?, imagesPerLabel: Int, files: SampleFiles,
    repeated: RepeatedImage? = nil
  ) {
    self.settings = settings
    self.classLabels = classLabels
    self.imagesPerLabel = imagesPerLabel
    self.files = files
    self.repeated = repeated
  }

  mutating func run() throws {
    try repeated?.checkPresence(settings)
    let device = try settings.pipeline.openDevice()
    let free = MemoryWarning(device)
    let pipeline = try LatentDiffusionPipeline(settings.pipeline, on: device, logger: .notes())
    let chosen = settings.options
    settings = settings.settled(for: pipeline)
    guard pipeline.makesImages || files.latents != nil else {
      throw UsageError(
        "--vae-checkpoint none: the model makes latents of \(pipeline.model.channelCount) channels, not"
          + " pixels; give --save-latents FILE to keep those, or name the file of its autoencoder")
    }
    let digests = try files.digests(of: pipeline, for: repeated)
    let labels =
      try classLabels.map { try pipeline.classNames.labels(from: $0) }
      ?? pipeline.classNames.defaultLabels
    let plan = SamplePlan(
      labels: labels, imagesPerLabel: imagesPerLabel, batchSize: settings.batchSize)
    let folder = try outputFolder(pipeline, plan)
    defer { folder?.removeUnused() }
    note(summary(pipeline, plan))
    classLabels.map { pipeline.classNames.notes(on: $0).forEach(note) }
    SamplingSettingsOptions.emaNotes(pipeline).forEach(note)
    SamplingSettingsOptions.networkNotes(chosen, pipeline).forEach(note)
    free?.line(sampling: pipeline, settings, batchSize: plan.batchSize).map(note)
    let texts = files.texts(settings, pipeline, batchSize: plan.batchSize, digests)
    let result = try sample(pipeline, plan, folder, texts)
    try finish(pipeline, plan, folder, result, texts)
    digests.flatMap(SampleFiles.note).map(note)
  }

  /// The folder for images and record; nil for latents alone, unless a folder is named.
  private func outputFolder(
    _ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan
  ) throws -> OutputFolder? {
    guard pipeline.makesImages || files.folder != nil else {
      if let latents = files.latents {
        try OutputFolder.reserve(latents, replacesFile: files.replaces)
      }
      return nil
    }
    let grid = files.hasGrid ? ["grid.png"] : []
    return try OutputFolder(
      files.folder,
      reserving: (pipeline.makesImages ? plan.fileNames + grid : []) + ["sample.json"],
      also: files.latents, replacesFiles: files.replaces)
  }

  private struct Result {
    var images: [RGBImage] = []
    var latents: [Tensor] = []
    var times = SampleTimes()
  }

  private func summary(_ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan) -> String {
    let options = settings.options
    let size = "\(pipeline.imageSize) x \(pipeline.imageSize)"
    let interval =
      options.guidance.interval == .all || !options.guidance.isActive
      ? "" : " from \(options.guidance.interval.low) to \(options.guidance.interval.high)"
    return pipeline.model.name
      + (pipeline.makesImages
        ? ", \(size) pixels, \(Amount.of(plan.images.count, "image"))"
        : ", latents alone, \(size), of \(Amount.of(plan.images.count, "image"))")
      + (plan.batches.count > 1 ? " in \(plan.batches.count) batches" : "")
      + ", \(options.stepCount.map { Amount.of($0, "step") } ?? "steps") of"
      + " \(options.sampler.name),"
      + " guidance \(options.guidance.scale)\(interval), seed \(settings.seed),"
      + " \(pipeline.precision) on \(pipeline.device)"
  }

  private func sample(
    _ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan, _ folder: OutputFolder?,
    _ texts: ImageTexts?
  ) throws -> Result {
    let generator = try pipeline.makeGenerator(seed: settings.seed)
    let batches = plan.batches
    let ticks = settings.options.stepCount ?? 100  // of a batch
    let progress = Progress("Sampling", count: batches.count * ticks)
    defer { progress.finish() }
    var result = Result()
    result.times.isUneven = settings.hasUnevenSteps
    for (index, batch) in batches.enumerated() {
      let imagesLeft = batches[index...].reduce(0) { $0 + $1.count }
      let steps = try result.times.measure(\.preparing) {
        try pipeline.samplingLoop(
          labels: batch.map(\.label), options: settings.options, generator: generator)
      }
      progress.skipPause()
      var last = clock.now
      let latents = try steps.run { step in
        let done = Int((step.progress * Double(ticks)).rounded())
        progress.update(
          index * ticks + done,
          position: batches.count > 1
            ? "batch \(index + 1)/\(batches.count), step \(done)/\(ticks)" : nil,
          rest: result.times.decoding(of: imagesLeft))
        try Interrupt.check()
        result.times.addStep(last.duration(to: clock.now).inSeconds, isFirst: step.index == 0)
        last = clock.now
      }
      if files.latents != nil {
        try pipeline.requireFinite(latents)
        result.latents.append(latents.to(.cpu))
      }
      guard pipeline.makesImages else { continue }
      let labels = batch.map(\.label)
      for (row, plan) in batch.enumerated() {
        let images = try result.times.measure(\.decoding) {
          try pipeline.decode(latents[row..<row + 1], check: Interrupt.check)
        }
        result.times.imageCount += 1
        try result.times.measure(\.writing) {
          let place = ImagePlace(labels, row: row, batch: index)
          let texts = try texts?.texts(of: place, check: Interrupt.check) ?? []
          for image in images { try folder?.write(image.png(texts: texts), to: plan.fileName) }
        }
        result.images += images
      }
    }
    return result
  }

  private func finish(
    _ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan, _ folder: OutputFolder?,
    _ result: Result, _ texts: ImageTexts?
  ) throws {
    var times = result.times
    try times.measure(\.writing) {
      if let path = files.latents {
        let labels = plan.images.map { String($0.label) }.joined(separator: ",")
        try CheckpointWriter.write(
          [("latents", concatenated(result.latents))],
          metadata: ["class_labels": labels, "seed": String(settings.seed)], to: path)
      }
      if files.hasGrid, pipeline.makesImages {
        let texts = try texts?.texts(ofGrid: plan.labels, imagesPerLabel: imagesPerLabel) ?? []
        let grid = ImageGrid.grid(result.images, plan.grid)
        try folder?.write(grid.png(texts: texts), to: "grid.png")
      }
    }
    try folder?.write(Array(try report(pipeline, plan, times).text.utf8), to: "sample.json")
    note("\(Amount.of(plan.images.count, "image")) in \(times.summary)")
    guard pipeline.makesImages, let folder else {
      return try StandardOutput.write(files.latents ?? "")
    }
    if files.hasGrid, plan.grid.hasRowForEachGroup {
      let names = plan.labels.map(pipeline.classNames.name)
      note("The rows of the grid: \(names.joined(separator: "; "))")
    }
    try StandardOutput.write(folder.path + (files.hasGrid ? "/grid.png" : ""))
  }

  private func report(
    _ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan, _ times: SampleTimes
  ) -> SampleReport {
    var report = SampleReport(settings, pipeline, batchSize: plan.batchSize, of: .sample)
    report.secondsPerStep = times.secondsPerStep
    report.secondsPerImage = times.total / Double(plan.images.count)
    report.classLabels = plan.labels.map(String.init).joined(separator: ",")
    report.numSamples = imagesPerLabel
    guard pipeline.makesImages else { return report }
    report.images = plan.images.enumerated().map { index, image in
      let place = files.hasGrid ? plan.grid.place(of: index) : nil
      return .init(
        file: image.fileName, classLabel: image.label,
        className: pipeline.classNames.name(of: image.label),
        gridRow: place.map { $0.row + 1 }, gridColumn: place.map { $0.column + 1 })
    }
    return report
  }
}

extension SamplingSettings {
  /// Whether some steps compute more than others.
  fileprivate var hasUnevenSteps: Bool {
    let guidance = options.guidance
    return pipeline.cache != .off || guidance.isActive && guidance.interval != .all
  }
}
