internal import Diffusion
internal import Foundation
internal import ImageData
internal import Inference
internal import Logging
internal import Pipeline
internal import Torch

/// A loaded model with a thread of its own, on which all its tensors stay.
actor ImageDrawer {
  private let executor: ThreadExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let settings: ServiceSettings
  private let threads: ThreadShares
  private let logger: Logger?
  private var model: Model?
  private let clock = ContinuousClock()

  /// What is loaded.
  private struct Model {
    let pipeline: LatentDiffusionPipeline
    let digests: WeightDigests
    var preview: LatentPreview
  }

  /// - Parameters:
  ///   - settings: name the model.
  ///   - number: of the drawer, from 1.
  ///   - threads: those of all drawers.
  ///   - logger: told what was found and chosen; nil for a drawer like one before.
  init(_ settings: ServiceSettings, number: Int, threads: ThreadShares, logger: Logger?) {
    self.settings = settings
    self.threads = threads
    self.logger = logger
    executor = ThreadExecutor(name: "drawer \(number)")
  }

  deinit { executor.end() }

  /// Loads the model.
  ///
  /// - Parameter others: drawers that will load it too.
  /// - Returns: what clients may know of it, and what it takes.
  /// - Throws: what opening a pipeline throws; `ServiceError` if memory does not suffice for the others.
  func load(others: Int) throws -> (model: ModelDescription, rules: SamplingRules) {
    let config = settings.sampling.pipeline
    let device = try config.openDevice()
    let pipeline = try LatentDiffusionPipeline(config, on: device, logger: logger)
    try pipeline.requireImages()
    try pipeline.loadWeights()
    try pipeline.rules.checkWhole([0], settings.sampling.options)
    try checkMemory(of: pipeline, others: others)
    let preview = try LatentPreview(pipeline, file: settings.previewAutoencoder)
    model = Model(pipeline: pipeline, digests: WeightDigests(of: pipeline), preview: preview)
    let process = pipeline.process
    let description = ModelDescription(
      name: config.modelName, loadTime: Int(Date().timeIntervalSince1970),
      classNames: pipeline.classNames, imageSize: pipeline.imageSize,
      defaults: settings.sampling.options.settled(for: process),
      guidance: settings.sampling.options.guidance, process: process,
      defaultSeed: settings.sampling.seed,
      samplers: SamplingMethod.fitting(process.path),
      guidedChannelLimit: pipeline.rules.guidedChannelLimit, precision: pipeline.precision.name,
      device: pipeline.device.description, imageLimit: settings.imageLimit,
      queueLimit: settings.queueLimit, batchSize: settings.batchSize)
    return (description, pipeline.rules)
  }

  private func checkMemory(of pipeline: LatentDiffusionPipeline, others: Int) throws {
    guard others > 0, pipeline.device.capabilities.usesSystemMemory,
      let available = ProcessMemory.availableBytes
    else { return }
    let needed =
      others * pipeline.samplingMemory(settings.sampling, batchSize: settings.batchSize)
    guard needed > available else { return }
    throw ServiceError(
      .memory(missingByteCount: needed - available),
      "\(others) more models take about \(needed >> 20) MB, and \(available >> 20) MB of memory are"
        + " free: \((needed - available) >> 20) MB are missing")
  }

  /// Draws a batch.
  ///
  /// - Parameters:
  ///   - batch: images of the same options.
  ///   - report: told what happens, on the thread of the model.
  /// - Throws: `PipelineError` for numbers that are not finite; `TorchError` if memory does not suffice.
  func draw(_ batch: DrawingBatch, _ report: @Sendable (DrawingEvent) -> Void) throws {
    guard var model else { throw ServiceError(.loading, "the model is not loaded") }
    defer { self.model = model }
    try withoutGradients {
      try threads.withShare { adjust in
        try draw(batch, with: &model, report, beforeStep: adjust)
      }
    }
  }

  private func draw(
    _ batch: DrawingBatch, with model: inout Model, _ report: (DrawingEvent) -> Void,
    beforeStep: () throws -> Void
  ) throws {
    let pipeline = model.pipeline
    var rows = Array(batch.items.indices)
    func item(_ row: Int) -> DrawingBatch.Item { batch.items[row] }
    func isLeft(_ row: Int) -> Bool { !item(row).control.isCancelled }
    let loop = try pipeline.samplingLoop(
      labels: batch.items.map(\.label), options: batch.options,
      noise: .perSample(batch.items.map { try pipeline.makeGenerator(seed: $0.seed) }))
    let start = clock.now
    var nextPreview = start
    var progress = 0.0
    var latents: Tensor?
    while latents == nil {
      let left = rows.indices.filter { isLeft(rows[$0]) }
      if left.isEmpty { return }
      // A cache of features would begin anew, and change the images that stay.
      if left.count < rows.count, pipeline.rules.cache == .off,
        (try? loop.keep(left)) == true
      {
        rows = left.map { rows[$0] }
      }
      try beforeStep()
      guard let step = try loop.next() else { return }
      report(.step(taken(step, since: start)))
      if step.isLast { latents = step.latents }
      let isDue = clock.now >= nextPreview
      if isDue { nextPreview = clock.now + ImageDrawer.previewInterval }
      let wanted = rows.indices.filter { place in
        !step.isLast && isLeft(rows[place])
          && wantsPreview(item(rows[place]), step, since: progress, isDue: isDue)
      }
      progress = step.progress
      guard !wanted.isEmpty else { continue }
      let data = try step.predictedData()
      for place in wanted {
        let image = try model.preview.image(data[place..<place + 1], pipeline)
        report(.preview(row: rows[place], step: step.index + 1, image))
      }
    }
    guard let latents else { return }
    for place in rows.indices where isLeft(rows[place]) {
      let own = latents[place..<place + 1]
      let row = rows[place]
      guard
        let image = try unlessCancelled(item(row), { try pipeline.decode(own, check: $0) })?.first,
        let texts = try unlessCancelled(
          item(row),
          { try texts(of: item(row), options: batch.options, model, check: $0) })
      else { continue }
      report(.image(row: row, png: try image.png(texts: texts)))
      try model.preview.learn(own, image)
    }
  }

  /// The least time between previews of each step.
  private static let previewInterval = Duration.milliseconds(40)

  private struct Cancelled: Error {}

  /// The result of some work; nil if the job was cancelled meanwhile.
  private func unlessCancelled<Result>(
    _ item: DrawingBatch.Item, _ work: (_ check: () throws -> Void) throws -> Result
  ) throws -> Result? {
    do {
      return try work { if item.control.isCancelled { throw Cancelled() } }
    } catch is Cancelled {
      return nil
    }
  }

  private func taken(_ step: SamplingStep, since start: ContinuousClock.Instant) -> JobStep {
    let seconds = Double(start.duration(to: clock.now) / .seconds(1))
    return JobStep(
      step: step.index + 1, count: step.count, progress: step.progress,
      secondsLeft: step.progress > 0 ? seconds * (1 - step.progress) / step.progress : nil)
  }

  private func wantsPreview(
    _ item: DrawingBatch.Item, _ step: SamplingStep, since before: Double, isDue: Bool
  ) -> Bool {
    switch item.previews {
    case .eachStep: return isDue && item.control.hasListeners
    case .count(let count):
      // Each time that the share of the way passes a multiple of 1 / (count + 1).
      guard let steps = step.count else {
        let parts = Double(count + 1)
        return Int(step.progress * parts) > Int(before * parts)
      }
      return (step.index + 1) * (count + 1) / steps > step.index * (count + 1) / steps
    }
  }

  /// The texts of an image's PNG file, as of an image alone in its batch: its noise is its own.
  private func texts(
    of item: DrawingBatch.Item, options: SamplingOptions, _ model: Model, check: () throws -> Void
  ) throws -> [PNGText] {
    var settings = settings.sampling
    settings.pipeline = settings.pipeline.withoutFolders
    settings.options = options
    settings.seed = item.seed
    return try ImageTexts(settings, model.pipeline, batchSize: 1, model.digests).texts(
      of: ImagePlace([item.label], row: 0), check: check)
  }
}
