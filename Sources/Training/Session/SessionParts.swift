internal import Diffusion
internal import Checkpoint
internal import Foundation
internal import ImageData
internal import Inference
internal import Logging
internal import Models
internal import Parallel
internal import Pipeline
internal import Torch

/// What a run is, and when it saves.
struct RunPlan {
  /// Intervals and counts.
  var options: RunOptions
  /// What the run is made of, by option; a resumed run must agree.
  var fingerprint: [String: String] = [:]
  /// Where to resume; nil for a new run.
  var resumption: TrainingSettings.Resumption?
  /// Rows after which a resumed run ends, if its length is given in epochs; a job with other batches
  /// then takes another number of steps.
  var sampleLimit: Int?
  /// More texts for checkpoints: the autoencoder of the latents.
  var metadata: [String: String] = [:]

  /// The key of a step's images in the fingerprint. A job with another number of ranks may have others.
  static let batchKey = "global_batch_size"
}

/// The opened parts of a session.
struct SessionParts {
  var trainer: Trainer
  var data: any TrainingData
  var codec: LatentCodec
  var directory: RunDirectory?
  var plan: RunPlan
  var recipe: TrainingConfig
  var device: Device
  var dataset: TrainingSession.DatasetSummary
  var log: SessionLog
  var broken = BrokenImageList()
  /// The classes that have images, ascending.
  var classesWithImages: [Int]
  var availableMemory: Int?
  /// Height and width of images in pixels.
  var imageSize: Int
  /// Figures of samples during the run; nil for none.
  var evaluation: TrainingSettings.EvaluationSettings?
}

extension SessionParts {
  /// Opens the parts of a run.
  ///
  /// - Throws: what `TrainingSession` throws; folders that were made are removed again.
  init(
    _ settings: TrainingSettings, ranks: RankGroup?, logger: Logger,
    checking: (_ done: Int, _ count: Int) throws -> Void
  ) throws {
    var settings = settings
    let model = settings.model
    try model.check()
    let parallel = DataParallel(ranks)
    let log = SessionLog(logger, showsNotes: parallel.isWriter)
    try settings.output.settle(parallel, note: log.note)
    let output = settings.output
    let named = try DeviceSelection.openDevice(
      settings.execution.device, allowsTF32: settings.execution.allowsTF32)
    let device = ranks?.localDevice(named) ?? named
    var source = try TrainingSource(
      settings.data, drawsSamples: output.sampleInterval != nil || settings.evaluation != nil,
      device: device,
      checking: checking, note: log.note)
    let pretrained = try PretrainedModel(settings, imageSize: source.imageSize, note: log.note)
    source.takeImageSize(of: pretrained)
    try source.takeStatistics(of: pretrained, note: log.note)
    try pretrained?.change(to: settings.recipe.objective).map(log.note)
    try settings.evaluation.map { try RunEvaluation.check($0, imageSize: source.imageSize) }
    let classNames = try source.allClassNames(pretrained)
    let config = try model.config(
      for: source, pretrained: pretrained, classCount: classNames.count, recipe: settings.recipe)
    var recipe = settings.recipe(on: device)
    // Before the model takes any.
    let availableMemory = ProcessMemory.availableBytes
    let directory = parallel.isWriter ? try RunDirectory(output) : nil
    var isOpen = false
    defer { if !isOpen { directory?.removeUnused() } }
    let (dit, store) = try InitialWeights.makeModel(
      config, from: pretrained?.weights, classNames: classNames, seed: recipe.seed,
      device: device, note: log.note)
    let broken = BrokenImageList()
    let data = try source.batches(
      recipe, classNames: classNames, parallel: parallel, broken: broken)
    let batchSize = recipe.globalBatchSize(rankCount: parallel.count)
    func steps(_ length: TrainingSettings.Length) -> Int {
      length.stepCount(epochLength: data.epochLength, batchSize: batchSize)
    }
    let stepCount = steps(settings.length)
    if output.resumption == nil, recipe.emaWarmsUp == nil {
      recipe.emaWarmsUp = recipe.isShortForAverage(stepCount: stepCount)
    }
    let saveInterval =
      output.saveInterval
      ?? .epochs(
        epochLength: data.epochLength, batchSize: batchSize, stepCount: SessionParts.saveStepCount)
    var plan = RunPlan(
      options: RunOptions(
        saveInterval: steps(saveInterval), keepCount: output.keepCount,
        sampleInterval: output.sampleInterval, logInterval: output.logInterval))
    plan.fingerprint = [
      "model": config.summary, "classes": "\(classNames.count)",
      "class_names": ClassNameList.checksum(classNames), RunPlan.batchKey: "\(batchSize)",
      "seed": "\(recipe.seed)", "images": source.fingerprint,
      "use_ema": "\(recipe.emaDecay != nil)", "objective": recipe.objective.name,
      "freeze": recipe.frozen.joined(separator: ","),
    ]
    let statistics = source.codec.scaling.statistics
    if !statistics.areNeutral {
      let text = "\(statistics.means) \(statistics.deviations)"
      plan.fingerprint["latent_stats"] = CRC32.text(
        Array(text.utf8).withUnsafeBytes(CRC32.checksum))
    }
    plan.resumption = output.resumption
    plan.metadata = FamilyFinding.metadata(
      of: recipe.objective.process(learnsVariance: config.learnsVariance))
    source.runAutoencoder.map { plan.metadata[RunAutoencoder.key] = $0.text }
    if case .epochs = settings.length { plan.sampleLimit = stepCount * batchSize }
    try parallel.agree(on: plan.fingerprint)
    let trainer = try Trainer(
      TrainingModel(dit, store, config: recipe, device: device), config: recipe, data: data,
      codec: source.codec, stepCount: stepCount, device: device, parallel: parallel)
    try parallel.notes.forEach(log.note)
    self.init(
      trainer: trainer, data: data, codec: source.codec, directory: directory, plan: plan,
      recipe: recipe, device: device,
      dataset: .init(
        imageCount: source.imageCount, classCount: source.classCount,
        hasClassNames: !source.classNames.isEmpty), log: log, broken: broken,
      classesWithImages: source.classesWithImages, availableMemory: availableMemory,
      imageSize: source.imageSize,
      evaluation: settings.evaluation)
    try noteRecording(settings.execution.mode)
    isOpen = true
  }

  /// The fewest steps from one checkpoint to the next, if no interval is given.
  private static let saveStepCount = 500

  /// Notes why steps are not recorded though that was asked for.
  private func noteRecording(_ mode: ExecutionMode?) throws {
    guard device.isCUDA, mode == .graph else { return }
    let reasons = [
      (!recipe.recordsSteps, "the library for CUDA graphs, libdit_cuda.so, is missing"),
      (recipe.accumulationCount > 1, "they have several micro-batches"),
      (trainer.parallel.count > 1, "several processes share them"),
    ]
    for (_, reason) in reasons.filter(\.0) {
      try log.note("steps are not recorded as a graph: \(reason)")
    }
  }
}

extension TrainingSettings {
  /// The recipe as a device allows it.
  fileprivate func recipe(on device: Device) -> TrainingConfig {
    var recipe = recipe
    if execution.usesFloat16OnGPU, device.isCUDA { recipe.dtype = .float16 }
    recipe.prefetches = execution.prefetches && device.capabilities.isAsynchronous
    recipe.recordsSteps = device.capabilities.recordsGraphs && execution.mode != .eager
    return recipe
  }
}

extension TrainingSettings.Length {
  /// The fewest whole epochs that have at least so many steps.
  static func epochs(epochLength: Int, batchSize: Int, stepCount: Int) -> Self {
    let (rows, length) = (stepCount * batchSize, max(epochLength, 1))
    return .epochs((rows + length - 1) / length)
  }

  /// The length in steps; the last one may reach beyond the last epoch.
  func stepCount(epochLength: Int, batchSize: Int) -> Int {
    switch self {
    case .steps(let count): count
    case .epochs(let count): (count * epochLength + batchSize - 1) / batchSize
    }
  }
}

extension DiTConfig {
  /// The sizes in words, as the fingerprint of a run has them.
  package var summary: String {
    "\(inputSize)x\(inputSize)x\(channelCount) patch \(patchSize) width \(hiddenSize)"
      + " depth \(depth) heads \(headCount)" + (block == .dit ? "" : ", blocks of \(block)")
  }
}
