internal import Checkpoint
internal import Diffusion
internal import Files
internal import Foundation
internal import ImageData
internal import Inference
internal import Layers
internal import Models
internal import Parallel
internal import Pipeline
internal import Torch
internal import Training

/// A training run, made from the options of `dit train`.
struct TrainSetup {
  /// The run, at its beginning.
  let run: TrainingRun
  /// What was found out and chosen, a line each.
  let notes: [String]
  /// Images that could not be read.
  let broken = BrokenImageList()

  init(_ command: TrainCommand, _ ranks: RankGroup?) throws {
    let parallel = DataParallel(ranks)
    let named = try DeviceSelection.openDevice(
      command.mindONE.device(command.execution.device), allowsTF32: command.execution.tf32)
    let device = ranks?.localDevice(named) ?? named
    let data = try TrainSource(
      command.data, showsSamples: command.output.sampleInterval != nil, device: device)
    let start = try TrainStart(command.model, command.output, imageSize: data.imageSize)
    let source = data.sized(for: start)
    let codec = source.codec
    let classNames = try TrainSetup.classNames(source, start)
    let model = try TrainSetup.modelConfig(
      command, source, classCount: classNames.count, start: start)
    let config = try command.trainingConfig(device)
    // Before the model takes any.
    let memory = MemoryWarning(device)
    let globalBatchSize = config.batchSize * config.accumulationCount * parallel.count
    let directory = parallel.isWriter ? try TrainSetup.directory(command.output) : nil
    let (dit, store, buildNotes) = try InitialWeights.makeModel(
      model, from: start?.weights, classNames: classNames, seed: config.seed, device: device)
    let batches = try source.data(
      command.loaderOptions(source, globalBatchSize, parallel), microBatchSize: config.batchSize,
      classNames: classNames, broken: broken)
    let epochLength = batches.epochLength
    // A step may reach beyond the last epoch.
    func steps(ofEpochs count: Int) -> Int {
      (count * epochLength + globalBatchSize - 1) / globalBatchSize
    }
    let stepCount = command.recipe.maxSteps ?? steps(ofEpochs: command.recipe.epochs)
    let fingerprint = [
      "model": TrainSetup.describe(model), "classes": "\(classNames.count)",
      "class_names": ClassNameList.checksum(classNames),
      TrainingRun.batchKey: "\(globalBatchSize)", "seed": "\(config.seed)",
      "images": source.fingerprint, "use_ema": "\(config.emaDecay != nil)",
      "freeze": config.frozen.joined(separator: ","),
    ]
    try ranks?.agree(on: fingerprint)
    let trainer = try Trainer(
      TrainingModel(dit, store, config: config, device: device), config: config, data: batches,
      codec: codec, stepCount: stepCount, device: device, parallel: parallel)
    run = try TrainingRun(
      trainer, data: batches, codec: codec, directory: directory,
      options: command.runOptions(steps),
      fingerprint: fingerprint, device: device,
      sampleLimit: command.recipe.maxSteps == nil ? stepCount * globalBatchSize : nil)
    notes =
      source.notes + (start?.notes ?? []) + buildNotes + parallel.notes
      + TrainSetup.summary(
        model, store.elementCount, source, classNames.count, trainer, config, device)
      + TrainSetup.warnings(model, trainer, config, source.imageCount, memory, ranks)
      + command.mindONE.trainingNotes(
        command.format.precision.format, mode: command.execution.mode, device: device.type)
      + command.recordingNotes(config, parallel, device)
  }

  /// Folder names. A table has numbers alone: they are those of the checkpoint's classes, or of
  /// ImageNet's where there is none or it has too few, with the names that are known.
  private static func classNames(_ source: TrainSource, _ start: TrainStart?) throws -> [String] {
    guard source.classNames.isEmpty else { return source.classNames }
    let known = [start?.config.classCount, 1000].compactMap { $0 }
    let count = known.first { $0 >= source.classCount } ?? source.classCount
    let names = try ClassNames(count: count, metadata: start?.metadata ?? [:])
    return (0..<count).map(names.name)
  }

  private static func modelConfig(
    _ command: TrainCommand, _ source: TrainSource, classCount: Int, start: TrainStart?
  ) throws -> DiTConfig {
    let (options, codec, size) = (command.model, source.codec, source.imageSize)
    var config: DiTConfig
    if let start {
      config = start.config
      try options.check(config, of: start.path)
    } else if let width = options.hiddenSize, let depth = options.depth,
      let heads = options.numHeads, let patch = options.patchSize
    {
      config = DiTConfig(
        inputSize: size / codec.downsamplingFactor, channelCount: codec.channelCount,
        patchSize: patch, hiddenSize: width, depth: depth, headCount: heads,
        learnsVariance: options.learnSigma ?? true)
    } else {
      config = (options.modelName ?? .xl2).config(
        inputSize: size / codec.downsamplingFactor, channelCount: codec.channelCount,
        learnsVariance: options.learnSigma ?? true)
    }
    config.classCount = classCount
    let step = codec.downsamplingFactor * config.patchSize
    let fit = config.inputSize * codec.downsamplingFactor
    if let start, size != fit {
      throw UsageError(
        "\(source.sizeOrigin): '\(start.path)' is for images of \(fit) x \(fit) pixels")
    }
    guard size.isMultiple(of: step) else {
      throw UsageError(
        "\(source.sizeOrigin): must be a multiple of autoencoder factor x patch size, \(step)")
    }
    guard config.channelCount == codec.channelCount else {
      throw UsageError(
        "the checkpoint takes \(config.channelCount) channels and the autoencoder gives"
          + " \(codec.channelCount)")
    }
    guard config.hiddenSize.isMultiple(of: config.headCount), config.hiddenSize.isMultiple(of: 4)
    else { throw UsageError("--num-heads must divide --hidden-size, a multiple of 4") }
    try options.check(config)
    return config
  }

  private static func directory(_ output: TrainOutputOptions) throws -> RunDirectory {
    if let resume = output.resume {
      // Before anything is made.
      if let checkpoint = resume.checkpoint {
        _ = try TrainingCheckpoint(checkpoint).state()
      } else {
        guard let path = output.outputPath else {
          throw UsageError(
            "--resume needs --output-path, the folder of the run; or -c RUN/config.yaml")
        }
        guard RunDirectory.isRun(path) else {
          throw UsageError("--resume: '\(path)' is no folder of a run; start without --resume")
        }
      }
    }
    let path = output.outputPath ?? "runs/" + OutputFolder.timestamp()
    let directory = try RunDirectory(path)
    guard output.resume != nil || directory.savedSteps.isEmpty else {
      throw UsageError(
        "'\(directory.path)' holds a run already: go on with --resume, or choose another"
          + " --output-path")
    }
    return directory
  }

  private static func describe(_ model: DiTConfig) -> String {
    "\(model.inputSize)x\(model.inputSize)x\(model.channelCount) patch \(model.patchSize) width"
      + " \(model.hiddenSize) depth \(model.depth) heads \(model.headCount)"
  }

  private static func summary(
    _ model: DiTConfig, _ parameterCount: Int, _ source: TrainSource, _ classCount: Int,
    _ trainer: Trainer, _ config: TrainingConfig, _ device: Device
  ) -> [String] {
    // Backward costs twice the forward pass; a multiply-add is two operations.
    let operations = 6 * model.multiplyAddCount * Double(trainer.globalBatchSize)
    let (state, activations) = memory(model, trainer, config)
    let name = model.preset?.rawValue ?? describe(model)
    let classes =
      source.classNames.isEmpty
      ? "\(source.classText) of \(classCount) classes" : source.classText
    return [
      "\(name): \(Amount.rounded(parameterCount)) parameters,"
        + " \(Amount.operations(operations)) a step;"
        + " about \(Amount.bytes(state)) for weights, gradients and optimizer, and"
        + " \(Amount.bytes(activations)) for \(Amount.of(config.batchSize, "image")) at a time",
      "\(Amount.of(source.imageCount, "image")), \(classes), \(trainer.globalBatchSize) a step,"
        + " \(Amount.of(trainer.stepCount, "step")), \(config.dtype) on \(device)",
    ]
  }

  /// Bytes for weights, gradients and optimizer, and for the images that are computed at a time.
  private static func memory(
    _ model: DiTConfig, _ trainer: Trainer, _ config: TrainingConfig
  ) -> (state: Int, activations: Int) {
    let memory = TrainingMemory(
      model, config, trainedCount: trainer.optimizer.parameters.reduce(0) { $0 + $1.count },
      rankCount: trainer.parallel.count)
    return (memory.stateByteCount, config.batchSize * memory.byteCountPerImage(config.recompute))
  }
}

extension TrainSetup {
  /// What a run of this size may come to grief by, a line each.
  private static func warnings(
    _ model: DiTConfig, _ trainer: Trainer, _ config: TrainingConfig, _ imageCount: Int,
    _ available: MemoryWarning?, _ ranks: RankGroup?
  ) -> [String] {
    let (state, activations) = memory(model, trainer, config)
    let batchSize = trainer.globalBatchSize
    let shortage = available?.line(
      for: state + activations, processCount: ranks?.localWorldSize ?? 1,
      remedy: "--use-recompute, or a smaller --train-batch-size with"
        + " --gradient-accumulation-steps,")
    var lines = shortage.map { [$0] } ?? []
    if batchSize > imageCount {
      lines.append(
        "Warning: a step takes \(Amount.of(batchSize, "image")), more than there are; images come"
          + " several times in it")
    }
    return lines
  }
}

extension TrainCommand {
  /// Says so where steps are not recorded though that was asked for.
  fileprivate func recordingNotes(
    _ config: TrainingConfig, _ parallel: DataParallel, _ device: Device
  ) -> [String] {
    guard device.isCUDA, execution.mode ?? mindONE.msMode == .graph else { return [] }
    let reasons = [
      (!config.recordsSteps, "there is no libdit_cuda.so (dit doctor)"),
      (config.accumulationCount > 1, "they have several micro-batches"),
      (parallel.count > 1, "several processes share them"),
    ]
    return reasons.filter(\.0).map { "steps are not recorded as a graph: \($0.1)" }
  }

  fileprivate func trainingConfig(_ device: Device) throws -> TrainingConfig {
    let precision = try mindONE.precision(format.precision.format, device: device.type)
    var config = TrainingConfig()
    config.batchSize = recipe.trainBatchSize
    config.accumulationCount = recipe.gradientAccumulationSteps
    config.shardsOptimizer = recipe.shardOptimizer
    config.prefetches = device.capabilities.isAsynchronous && data.datasetSinkMode
    config.recordsSteps =
      device.capabilities.recordsGraphs && (mindONE.msMode ?? execution.chosenMode) == .graph
    config.seed = recipe.seed
    config.labelDropout = recipe.labelDropout
    config.weighting = recipe.minSnrGamma.map { .minSNR(gamma: $0) } ?? .uniform
    config.timesteps = recipe.timestepSampling.distribution
    config.schedule = LearningRateSchedule(
      recipe.scheduler, start: recipe.startLearningRate, end: recipe.endLearningRate,
      warmupCount: recipe.warmupSteps, decayCount: recipe.decaySteps ?? 0)
    (config.beta1, config.beta2) = (recipe.betas.first, recipe.betas.second)
    config.epsilon = recipe.optimEps
    config.weightDecay = recipe.weightDecay
    config.decayGroups = recipe.groupStrategy
    config.maximumGradientNorm = recipe.clipGrad ? recipe.maxGradNorm : nil
    config.emaDecay = recipe.useEma ? recipe.emaDecay : nil
    config.emaWarmsUp = recipe.emaWarmup
    config.dtype = try precision.requiredTrainingType()
    config.lossScaling =
      recipe.lossScalerType == .static
      ? .constant(recipe.initLossScale)
      : .dynamic(
        initial: recipe.initLossScale, factor: recipe.lossScaleFactor, window: recipe.scaleWindow)
    config.skipsOverflow = recipe.dropOverflowUpdate
    config.recompute =
      !recipe.useRecompute
      ? .none : recipe.recomputeEvery == 1 ? .all : .every(recipe.recomputeEvery)
    config.frozen = model.frozen
    return config
  }

  fileprivate func loaderOptions(
    _ source: TrainSource, _ globalBatchSize: Int, _ parallel: DataParallel
  ) -> BatchLoaderOptions {
    var options = BatchLoaderOptions(imageSize: source.imageSize, globalBatchSize: globalBatchSize)
    options.seed = recipe.seed
    (options.rank, options.worldSize) = (parallel.rank, parallel.count)
    options.mirrors = data.horizontalFlip
    options.reducesWhileDecoding = source.reducesWhileDecoding
    options.workerCount = data.numParallelWorkers
    options.dropsLast = source.imageCount >= globalBatchSize
    return options
  }

  fileprivate func runOptions(_ steps: (_ epochs: Int) -> Int) -> RunOptions {
    RunOptions(
      saveInterval: output.stepMode ? output.ckptSaveInterval : steps(output.ckptSaveInterval),
      keepCount: output.ckptMaxKeep, sampleInterval: output.sampleInterval,
      logInterval: output.logInterval)
  }
}
