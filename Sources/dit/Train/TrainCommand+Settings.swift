internal import Checkpoint
internal import Diffusion
internal import Inference
internal import Models
internal import Training

extension TrainCommand {
  /// The run that the options describe.
  ///
  /// - Throws: `UsageError` or `TrainingError` for options that contradict each other.
  func settings() throws -> TrainingSettings {
    let modelSettings = try model.settings()
    try modelSettings.check()
    var settings = TrainingSettings(data: try dataSettings(), output: try output.settings())
    settings.model = modelSettings
    settings.recipe = try recipe.config(meanFlow.settings)
    settings.recipe.frozen = model.frozen
    settings.length = recipe.maxSteps.map { .steps($0) } ?? .epochs(recipe.epochs)
    settings.evaluation = try output.evaluation()
    settings.execution.device = mindONE.device(execution.device)
    settings.execution.allowsTF32 = execution.tf32
    settings.execution.mode = mindONE.msMode ?? execution.mode
    settings.execution.prefetches = data.datasetSinkMode
    settings.recipe.dtype = try mindONE.precision(format.precision.format, device: "cpu")
      .requiredTrainingType()
    settings.execution.usesFloat16OnGPU =
      try mindONE.precision(format.precision.format, device: "cuda") == .fp16
    return settings
  }

  private func dataSettings() throws -> TrainingSettings.DataSettings {
    guard let path = data.dataPath else {
      throw UsageError("what to train on is missing: give --data-path FOLDER")
    }
    var settings = TrainingSettings.DataSettings(path)
    settings.autoencoder = data.vaeCheckpoint.map {
      $0.lowercased() == "none" ? .pixels : .checkpoint($0)
    }
    settings.scaleFactor = data.sdScaleFactor
    settings.latentStatsPath = data.latentStats
    settings.imageSize = data.imageSize
    settings.mirrors = data.horizontalFlip
    settings.reducesWhileDecoding = data.reduceWhileDecoding
    settings.workerCount = data.numParallelWorkers
    return settings
  }
}

extension TrainModelOptions {
  fileprivate func settings() throws -> TrainingSettings.ModelSettings {
    guard embedDim == nil || hiddenSize == nil || embedDim == hiddenSize else {
      throw UsageError("embed_dim \(embedDim ?? 0) contradicts hidden_size \(hiddenSize ?? 0)")
    }
    var settings = TrainingSettings.ModelSettings()
    settings.preset = modelName
    settings.hiddenSize = hiddenSize ?? embedDim
    settings.depth = depth
    settings.headCount = numHeads
    settings.patchSize = patchSize
    settings.block = block
    settings.learnsVariance = learnSigma
    settings.pretrainedPath = ditCheckpoint ?? pretrainedModelPath
    settings.pretrainedWeights = noEma.map { $0 ? .last : .averaged }
    let hasOwnSize = hiddenSize != nil || depth != nil || numHeads != nil
    if embedDim != nil, settings.pretrainedPath == nil, !hasOwnSize {
      // A width alone, as MindONE's files have it, is that of the default.
      settings.preset = settings.preset ?? .xl2
    }
    return settings
  }
}

extension TrainRecipeOptions {
  fileprivate func config(_ meanFlow: MeanFlowSettings) throws -> TrainingConfig {
    var config = TrainingConfig()
    config.batchSize = trainBatchSize
    config.accumulationCount = gradientAccumulationSteps
    config.shardsOptimizer = shardOptimizer
    config.seed = seed
    config.labelDropout = labelDropout
    config.objective =
      switch objective {
      case .ddpm: .ddpm(weighting: minSnrGamma.map { .minSNR(gamma: $0) } ?? .uniform)
      case .flow:
        .flow(
          Flow(path ?? .linear, prediction ?? .velocity), weighting: flowWeighting,
          directionWeight: directionWeight)
      case .meanflow: .meanFlow(meanFlow)
      }
    config.timesteps =
      switch timestepSampling {
      case .uniform: .uniform
      case .logitNormal: .logitNormal(mean: logitNormalMean, deviation: logitNormalStd)
      }
    config.schedule = LearningRateSchedule(
      scheduler, start: startLearningRate, end: endLearningRate, warmupCount: warmupSteps,
      decayCount: decaySteps ?? 0)
    (config.beta1, config.beta2) = (betas.first, betas.second)
    config.epsilon = optimEps
    config.weightDecay = weightDecay
    config.decayGroups = groupStrategy
    config.maximumGradientNorm = clipGrad ? maxGradNorm : nil
    config.emaDecay = useEma ? emaDecay : nil
    config.emaWarmsUp = emaWarmup
    config.lossScaling =
      lossScalerType == .static
      ? .constant(initLossScale)
      : .dynamic(initial: initLossScale, factor: lossScaleFactor, window: scaleWindow)
    config.skipsOverflow = dropOverflowUpdate
    config.recompute = !useRecompute ? .none : recomputeEvery == 1 ? .all : .every(recomputeEvery)
    return config
  }
}

extension TrainOutputOptions {
  fileprivate func settings() throws -> TrainingSettings.OutputSettings {
    if let resume, resume.checkpoint == nil, outputPath == nil {
      throw UsageError("--resume needs --output-path, the folder of the run; or -c RUN/config.yaml")
    }
    var settings = TrainingSettings.OutputSettings(
      outputPath ?? "runs/" + OutputFolder.timestamp())
    settings.resumption = resume.map { $0.checkpoint.map { .checkpoint($0) } ?? .newest }
    settings.saveInterval =
      stepMode ? .steps(ckptSaveInterval ?? 1) : ckptSaveInterval.map { .epochs($0) }
    settings.keepCount = ckptMaxKeep
    settings.sampleInterval = sampleInterval
    settings.logInterval = logInterval
    return settings
  }
}
