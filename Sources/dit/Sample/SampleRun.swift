internal import Checkpoint
internal import Diffusion
internal import Foundation
internal import ImageData
internal import Logging
internal import Models
internal import Pipeline
internal import Torch

/// The files that `dit sample` writes.
struct SampleFiles {
  /// The folder for images; nil for a new one.
  let folder: String?
  /// The file for latents; nil for none.
  let latents: String?
  /// Whether all images are also written as one grid.
  let hasGrid: Bool
  /// Whether files may be there already.
  let replaces: Bool
}

/// One run of `dit sample`, from settings to files.
struct SampleRun {
  private let settings: SamplingSettings
  private let classLabels: String?
  private let imagesPerLabel: Int
  private let files: SampleFiles
  private let clock = ContinuousClock()

  /// A run.
  ///
  /// - Parameters:
  ///   - settings: decide the images.
  ///   - classLabels: numbers or names, with commas between; nil for a few classes.
  ///   - imagesPerLabel: images of each label.
  ///   - files: where images go.
  init(
    _ settings: SamplingSettings, classLabels: String?, imagesPerLabel: Int, files: SampleFiles
  ) {
    self.settings = settings
    self.classLabels = classLabels
    self.imagesPerLabel = imagesPerLabel
    self.files = files
  }

  func run() throws {
    let device = try settings.pipeline.openDevice()
    let free = MemoryWarning(device)
    let pipeline = try LatentDiffusionPipeline(settings.pipeline, on: device, logger: .notes())
    let labels =
      try classLabels.map { try pipeline.classNames.labels(from: $0) }
      ?? pipeline.classNames.defaultLabels
    let plan = SamplePlan(
      labels: labels, imagesPerLabel: imagesPerLabel, batchSize: settings.batchSize)
    let folder = try OutputFolder(
      files.folder, reserving: plan.fileNames + extraFiles, also: files.latents,
      replacesFiles: files.replaces)
    note(summary(pipeline, plan))
    free?.line(sampling: pipeline, settings, batchSize: plan.batchSize).map(note)
    let result = try sample(pipeline, plan, folder)
    try finish(pipeline, plan, folder, result)
  }

  private var extraFiles: [String] {
    (files.hasGrid ? ["grid.png"] : []) + ["sample.json"]
  }

  private struct Result {
    var images: [RGBImage] = []
    var latents: [Tensor] = []
    var secondsPerStep = 0.0
    var seconds = 0.0
  }

  private func summary(_ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan) -> String {
    let options = settings.options
    let model = pipeline.model
    let name = model.preset?.rawValue ?? "DiT of width \(model.hiddenSize), depth \(model.depth)"
    return "\(name), \(pipeline.imageSize) x \(pipeline.imageSize) pixels,"
      + " \(Amount.of(plan.images.count, "image")),"
      + " \(options.stepCount.map { Amount.of($0, "step") } ?? "steps") of"
      + " \(options.sampler.name.uppercased()),"
      + " guidance \(options.guidance.scale), seed \(settings.seed),"
      + " \(pipeline.precision) on \(pipeline.device)"
  }

  private func sample(
    _ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan, _ folder: OutputFolder
  ) throws -> Result {
    let generator = try pipeline.makeGenerator(seed: settings.seed)
    let batches = plan.batches
    let ticks = settings.options.stepCount ?? 100  // of a batch
    let progress = Progress("Sampling", count: batches.count * ticks)
    defer { progress.finish() }
    let start = clock.now
    var result = Result()
    var (firstSteps, laterSteps): ([Double], [Double]) = ([], [])
    for (index, batch) in batches.enumerated() {
      let steps = try pipeline.samplingLoop(
        labels: batch.map(\.label), options: settings.options, generator: generator)
      var last = clock.now
      let latents = try steps.run { step in
        progress.update(index * ticks + Int((step.progress * Double(ticks)).rounded()))
        try Interrupt.check()
        let seconds = last.duration(to: clock.now).inSeconds
        if step.index == 0 { firstSteps.append(seconds) } else { laterSteps.append(seconds) }
        last = clock.now
      }
      for (row, plan) in batch.enumerated() {
        let images = try pipeline.decode(latents[row..<row + 1], check: Interrupt.check)
        for image in images { try folder.write(image.png(), to: plan.fileName) }
        result.images += images
      }
      if files.latents != nil { result.latents.append(latents.to(.cpu)) }
    }
    // The first step of a batch prepares for the others.
    result.secondsPerStep = median(laterSteps.isEmpty ? firstSteps : laterSteps)
    result.seconds = start.duration(to: clock.now).inSeconds
    return result
  }

  private func finish(
    _ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan, _ folder: OutputFolder,
    _ result: Result
  ) throws {
    if let path = files.latents {
      let labels = plan.images.map { String($0.label) }.joined(separator: ",")
      try CheckpointWriter.write(
        [("latents", concatenated(result.latents))],
        metadata: ["class_labels": labels, "seed": String(settings.seed)], to: path)
    }
    if files.hasGrid {
      try folder.write(ImageGrid.grid(result.images).png(), to: "grid.png")
    }
    try folder.write(Array(try report(pipeline, plan, result).text.utf8), to: "sample.json")
    note(
      "\(Amount.of(result.images.count, "image")) in \(Progress.seconds(result.seconds)),"
        + " \(Progress.seconds(result.secondsPerStep)) a step")
    print(folder.path + (files.hasGrid ? "/grid.png" : ""))
  }

  private func report(
    _ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan, _ result: Result
  ) -> SampleReport {
    var report = SampleReport(settings, pipeline, batchSize: plan.batchSize)
    report.secondsPerStep = result.secondsPerStep
    report.secondsPerImage = result.seconds / Double(plan.images.count)
    report.images = plan.images.map {
      .init(
        file: $0.fileName, classLabel: $0.label, className: pipeline.classNames.name(of: $0.label))
    }
    return report
  }
}
