internal import Checkpoint
internal import Diffusion
internal import Foundation
internal import ImageData
internal import Inference
internal import Logging
internal import Models
internal import Pipeline
internal import Torch

/// One run of `dit sample`, from options to files.
struct SampleRun {
  private let command: SampleCommand
  private let clock = ContinuousClock()

  init(_ command: SampleCommand) { self.command = command }

  func run() throws {
    let config = try command.pipelineConfig()
    let device = try config.openDevice()
    let free = MemoryWarning(device)
    let pipeline = try LatentDiffusionPipeline(config, on: device, logger: .notes())
    let labels =
      try command.classLabels.map { try pipeline.classNames.labels(from: $0) }
      ?? pipeline.classNames.defaultLabels
    let plan = SamplePlan(
      labels: labels, imagesPerLabel: command.numSamples, batchSize: command.batchSize)
    let folder = try OutputFolder(
      command.outputPath, reserving: plan.fileNames + extraFiles, also: command.saveLatents,
      replacesFiles: command.force)
    note(summary(pipeline, plan))
    command.memoryWarning(free, pipeline, batchSize: plan.batchSize, processCount: 1).map(note)
    let result = try sample(pipeline, plan, folder)
    try finish(pipeline, config, plan, folder, result)
  }

  private var extraFiles: [String] {
    (command.imagegrid ? ["grid.png"] : []) + ["sample.json"]
  }

  private struct Result {
    var images: [RGBImage] = []
    var latents: [Tensor] = []
    var secondsPerStep = 0.0
    var seconds = 0.0
  }

  private func summary(_ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan) -> String {
    let options = command.samplingOptions
    let model = pipeline.model
    let name = model.preset?.rawValue ?? "DiT of width \(model.hiddenSize), depth \(model.depth)"
    return "\(name), \(pipeline.imageSize) x \(pipeline.imageSize) pixels,"
      + " \(Amount.of(plan.images.count, "image")),"
      + " \(options.stepCount.map { Amount.of($0, "step") } ?? "steps") of"
      + " \(options.sampler.name.uppercased()),"
      + " guidance \(options.guidance.scale), seed \(command.seed),"
      + " \(pipeline.precision) on \(pipeline.device)"
  }

  private func sample(
    _ pipeline: LatentDiffusionPipeline, _ plan: SamplePlan, _ folder: OutputFolder
  ) throws -> Result {
    let generator = try pipeline.makeGenerator(seed: command.seed)
    let options = command.samplingOptions
    let batches = plan.batches
    let ticks = options.stepCount ?? 100  // of a batch
    let progress = Progress("Sampling", count: batches.count * ticks)
    defer { progress.finish() }
    let start = clock.now
    var result = Result()
    var (firstSteps, laterSteps): ([Double], [Double]) = ([], [])
    for (index, batch) in batches.enumerated() {
      var latents: Tensor?
      let steps = try pipeline.samplingLoop(
        labels: batch.map(\.label), options: options, generator: generator)
      var last = clock.now
      while let step = try steps.next() {
        latents = step.latents
        progress.update(index * ticks + Int((step.progress * Double(ticks)).rounded()))
        try Interrupt.check()
        let seconds = last.duration(to: clock.now).inSeconds
        if step.index == 0 { firstSteps.append(seconds) } else { laterSteps.append(seconds) }
        last = clock.now
      }
      guard let latents else { continue }
      for (row, plan) in batch.enumerated() {
        let images = try pipeline.decode(latents[row..<row + 1], check: Interrupt.check)
        for image in images { try folder.write(image.png(), to: plan.fileName) }
        result.images += images
      }
      if command.saveLatents != nil { result.latents.append(latents.to(.cpu)) }
    }
    // The first step of a batch prepares for the others.
    result.secondsPerStep = median(laterSteps.isEmpty ? firstSteps : laterSteps)
    result.seconds = start.duration(to: clock.now).inSeconds
    return result
  }

  private func finish(
    _ pipeline: LatentDiffusionPipeline, _ config: PipelineConfig, _ plan: SamplePlan,
    _ folder: OutputFolder, _ result: Result
  ) throws {
    if let path = command.saveLatents {
      let labels = plan.images.map { String($0.label) }.joined(separator: ",")
      try CheckpointWriter.write(
        [("latents", concatenated(result.latents))],
        metadata: ["class_labels": labels, "seed": String(command.seed)], to: path)
    }
    if command.imagegrid {
      try folder.write(ImageGrid.grid(result.images).png(), to: "grid.png")
    }
    try folder.write(
      Array(try report(pipeline, config, plan, result).utf8), to: "sample.json")
    note(
      "\(Amount.of(result.images.count, "image")) in \(Progress.seconds(result.seconds)),"
        + " \(Progress.seconds(result.secondsPerStep)) a step")
    print(folder.path + (command.imagegrid ? "/grid.png" : ""))
  }

  private func report(
    _ pipeline: LatentDiffusionPipeline, _ config: PipelineConfig, _ plan: SamplePlan,
    _ result: Result
  ) throws -> String {
    var report = SampleReport(command, pipeline, config, batchSize: plan.batchSize)
    report.secondsPerStep = result.secondsPerStep
    report.secondsPerImage = result.seconds / Double(plan.images.count)
    report.images = plan.images.map {
      .init(
        file: $0.fileName, classLabel: $0.label, className: pipeline.classNames.name(of: $0.label))
    }
    return try report.text
  }
}
