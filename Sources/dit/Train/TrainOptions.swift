internal import ArgumentParser
internal import Training

/// What is trained on.
struct TrainDataOptions: ParsableArguments {
  @Option(
    help: """
      A folder of class folders with images, or of images with image_caption.csv; or the result of \
      dit encode.
      """) var dataPath: String?
  @Option(
    help: """
      The autoencoder's file, the folder of its two halves, or none to train on pixels; after dit \
      encode only for --sample-interval.
      """) var vaeCheckpoint: String?
  @Option(help: "What latents are multiplied by (default: the autoencoder's own).")
  var sdScaleFactor: Double?
  @Option(
    help: """
      Height and width of images in pixels (default: that of the checkpoint or of dit encode, else \
      256).
      """)
  var imageSize: Int?
  @Option(help: "Mirror half of the images.") var horizontalFlip = true
  @Option(help: "Let large JPEG files shrink while they are decoded: faster, other roundings.")
  var reduceWhileDecoding = false
  @Option(help: "Threads that decode images.") var numParallelWorkers = 2
  @Option(help: "Load each batch while a GPU computes the one before.") var datasetSinkMode = true

  func validate() throws {
    try Bounds.factors.check(sdScaleFactor, "--sd-scale-factor")
    try Bounds.imageSizes.check(imageSize, "--image-size")
    try Bounds.threadCounts.check(numParallelWorkers, "--num-parallel-workers")
  }
}

/// How it is trained.
struct TrainRecipeOptions: ReplacingOptions {
  @Option(help: "Passes over the data.") var epochs = 1400
  @Option(help: "Optimizer steps; in place of epochs.") var maxSteps: Int?
  @Option(help: "Images of a micro-batch on each device.") var trainBatchSize = 64
  @Option(help: "Micro-batches of a step, on each device.") var gradientAccumulationSteps = 1
  @Option(help: "Divide the optimizer's state among the processes (ZeRO stage 1).")
  var shardOptimizer = false
  @Option(help: "Learning rate after the warm-up.") var startLearningRate = 1e-4
  @Option(help: "Learning rate after the decay.") var endLearningRate = 1e-7
  @Option(help: "constant, linear, cosine or polynomial (names with _decay or _lr are the same).")
  var scheduler = LearningRateSchedule.Shape.constant
  @Option(help: "Steps of the warm-up.") var warmupSteps = 0
  @Option(help: "Steps of the decay (default: all that are left).") var decaySteps: Int?
  @Option(help: "Decoupled weight decay.") var weightDecay = 0.0
  @Option(help: "Parameters that decay: all, or norm_and_bias for all but those.")
  var groupStrategy = WeightDecayGroups.withoutBiases
  @Option(help: "AdamW's two decays, with a comma between.") var betas = NumberPair(0.9, 0.999)
  @Option(help: "Added to the root of AdamW's second moment.") var optimEps = 1e-8
  @Option(help: "adamw is the one that there is.") var optim = "adamw"
  @Option(help: "Clip the gradient's norm.") var clipGrad = false
  @Option(help: "The largest norm with --clip-grad.") var maxGradNorm = 1.0
  @Option(help: "Keep a moving average of the weights.") var useEma = true
  @Option(help: "How much of the average stays at a step.") var emaDecay = 0.9999
  @Option(help: "Let the average follow faster at first.") var emaWarmup = false
  @Option(help: "The share of labels replaced by the null class.") var labelDropout = 0.1
  @Option(help: "Weigh timesteps by min(SNR, this) / SNR.") var minSnrGamma: Double?
  @Option(help: "uniform or logit_normal.") var timestepSampling = TimestepSampling.uniform
  @Option(help: "The seed of weights, data order and noise.") var seed: UInt64 = 3407
  @Option(help: "Compute blocks again in the backward pass, which saves memory.")
  var useRecompute = false
  @Option(help: "With --use-recompute: 2 is for every second block, and so on.")
  var recomputeEvery = 1
  @Option(help: "The loss scale of fp16, at first.") var initLossScale = 65536.0
  @Option(help: "dynamic or static.") var lossScalerType = LossScalerType.dynamic
  @Option(help: "What the loss scale changes by.") var lossScaleFactor = 2.0
  @Option(help: "Steps without overflow before the loss scale grows.") var scaleWindow = 2000
  @Option(help: "Leave out steps whose gradients are not finite.") var dropOverflowUpdate = true

  static let replaced: [String: Set<String>] = ["epochs": ["max-steps"], "max-steps": ["epochs"]]

  func validate() throws {
    guard optim.lowercased() == "adamw" else {
      throw ValidationError("--optim \(optim): only adamw is known")
    }
    try Bounds.from(1, to: 1_000_000).check(epochs, "--epochs")
    try Bounds.counts.check(maxSteps, "--max-steps")
    try Bounds.batchSizes.check(trainBatchSize, "--train-batch-size")
    try Bounds.batchSizes.check(gradientAccumulationSteps, "--gradient-accumulation-steps")
    try Bounds.startRates.check(startLearningRate, "--start-learning-rate")
    try Bounds.rates.check(endLearningRate, "--end-learning-rate")
    try Bounds.countsOrNone.check(warmupSteps, "--warmup-steps")
    try Bounds.countsOrNone.check(decaySteps, "--decay-steps")
    try Bounds.from(0, to: 100).check(weightDecay, "--weight-decay")
    try Bounds.shares.check(betas.first, "--betas")
    try Bounds.shares.check(betas.second, "--betas")
    try Bounds.above(0, to: 1).check(optimEps, "--optim-eps")
    try Bounds.factors.check(maxGradNorm, "--max-grad-norm")
    try Bounds.shares.check(emaDecay, "--ema-decay")
    try Bounds.shares.check(labelDropout, "--label-dropout")
    try Bounds.factors.check(minSnrGamma, "--min-snr-gamma")
    try Bounds.modelCounts.check(recomputeEvery, "--recompute-every")
    try Bounds.above(0, to: 1e12).check(initLossScale, "--init-loss-scale")
    try Bounds.from(1, to: 65536).check(lossScaleFactor, "--loss-scale-factor")
    try Bounds.counts.check(scaleWindow, "--scale-window")
  }

  /// Checks options that only make sense together; each alone may come from a configuration file.
  ///
  /// - Throws: `UsageError`.
  func checkTogether() throws {
    let count = trainBatchSize * gradientAccumulationSteps
    guard count <= TrainRecipeOptions.largestBatch else {
      throw UsageError(
        "--train-batch-size \(trainBatchSize) and --gradient-accumulation-steps"
          + " \(gradientAccumulationSteps): \(count) images a step of each process; at most"
          + " \(TrainRecipeOptions.largestBatch)")
    }
    guard lossScalerType == .static || lossScaleFactor > 1 else {
      throw UsageError(
        "--loss-scale-factor 1: a dynamic loss scale needs a factor above 1; or give"
          + " --loss-scaler-type static")
    }
  }

  /// Images of a step of one process.
  private static let largestBatch = 1 << 20

  /// Which parameters decay, if any do.
  var notes: [String] {
    guard weightDecay > 0 else { return [] }
    let names = groupStrategy == .all ? "all parameters" : "all parameters but biases"
    return ["weight decay \(weightDecay) of \(names) (--group-strategy \(groupStrategy.rawValue))"]
  }
}

/// What is written, and when.
struct TrainOutputOptions: ParsableArguments {
  @Option(help: "The run's folder (default: runs/<date-time>).") var outputPath: String?
  @Option(help: "Go on from the newest checkpoint of the run's folder, or from this one.")
  var resume: ResumeArgument?
  @Option(help: "Epochs from one checkpoint to the next, or steps with --step-mode.")
  var ckptSaveInterval = 1
  @Option(help: "Count --ckpt-save-interval in steps.") var stepMode = false
  @Option(help: "Checkpoints that stay.") var ckptMaxKeep = 3
  @Option(help: "Steps from one grid of samples to the next.") var sampleInterval: Int?
  @Option(help: "Steps from one line of metrics to the next.") var logInterval = 1

  func validate() throws {
    try Bounds.counts.check(ckptSaveInterval, "--ckpt-save-interval")
    try Bounds.counts.check(ckptMaxKeep, "--ckpt-max-keep")
    try Bounds.counts.check(sampleInterval, "--sample-interval")
    try Bounds.counts.check(logInterval, "--log-interval")
  }
}
