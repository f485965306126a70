internal import ArgumentParser
internal import Diffusion
internal import Evaluation
internal import Pipeline
internal import Training

/// The training data.
struct TrainDataOptions: ParsableArguments {
  @Option(
    help: """
      A folder of class folders with images, or of images with image_caption.csv; or the result of \
      dit encode.
      """, completion: .file()) var dataPath: String?
  @Option(
    help: """
      The autoencoder's file, the folder of its two halves, or none to train on pixels. The result of \
      dit encode needs it for --sample-interval only, where it takes the one that made it.
      """, completion: .file()) var vaeCheckpoint: String?
  @Option(help: "Factor of the latents (default: the autoencoder's own).")
  var sdScaleFactor: Double?
  @Option(
    help: """
      A file with mean and deviation of each channel of the latents, as latents_stats.pt of LightningDiT \
      (default: those of --dit-checkpoint, else none).
      """, completion: .file())
  var latentStats: String?
  @Option(
    help: """
      Height and width of images in pixels (default: as in the checkpoint or dit encode's result, \
      else 256).
      """)
  var imageSize: Int?
  @Option(help: "Mirror half of the images.") var horizontalFlip = true
  @Option(help: "Shrink large JPEG files while decoding them: faster, other roundings.")
  var reduceWhileDecoding = false
  @Option(help: "Threads that decode images.") var numParallelWorkers = 2
  @Option(help: "Load the next batch while a GPU computes.") var datasetSinkMode = true

  func validate() throws {
    try Bounds.factors.check(sdScaleFactor, "--sd-scale-factor")
    try Bounds.imageSizes.check(imageSize, "--image-size")
    try Bounds.threadCounts.check(numParallelWorkers, "--num-parallel-workers")
  }
}

/// The recipe of the training.
struct TrainRecipeOptions: ReplacingOptions {
  @Option(help: "Passes over the data.") var epochs = 1400
  @Option(help: "Optimizer steps, in place of epochs.") var maxSteps: Int?
  @Option(help: "Images per micro-batch and device.") var trainBatchSize = 64
  @Option(help: "Micro-batches per step and device.") var gradientAccumulationSteps = 1
  @Option(help: "Divide the optimizer's state among the processes (ZeRO stage 1).")
  var shardOptimizer = false
  @Option(help: "Learning rate after the warm-up.") var startLearningRate = 1e-4
  @Option(help: "Learning rate after the decay.") var endLearningRate = 1e-7
  @Option(help: "constant, linear, cosine or polynomial; also with _decay or _lr.")
  var scheduler = LearningRateSchedule.Shape.constant
  @Option(help: "Steps of the warm-up.") var warmupSteps = 0
  @Option(help: "Steps of the decay (default: all after the warm-up).") var decaySteps: Int?
  @Option(help: "Decoupled weight decay.") var weightDecay = 0.0
  @Option(help: "Parameters that decay: all, or norm_and_bias to leave out norms and biases.")
  var groupStrategy = WeightDecayGroups.withoutBiases
  @Option(help: "AdamW's betas, comma-separated.") var betas = NumberPair(0.9, 0.999)
  @Option(help: "Added to the root of AdamW's second moment.") var optimEps = 1e-8
  @Option(help: "The optimizer: adamw.") var optim = "adamw"
  @Option(help: "Clip the gradient's norm.") var clipGrad = false
  @Option(help: "The largest norm with --clip-grad.") var maxGradNorm = 1.0
  @Option(help: "Keep a moving average of the weights.") var useEma = true
  @Option(help: "Decay of the moving average per step.") var emaDecay = 0.9999
  @Option(
    help: """
      Let the average follow faster in the first steps; false is the published way (default: in runs \
      of fewer than 5 / (1 - decay) steps).
      """)
  var emaWarmup: Bool?
  @Option(help: "The share of labels replaced by the null class.") var labelDropout = 0.1
  @Option(
    help: """
      What is minimized: ddpm, flow for a model of family sit, or meanflow for one that samples in one or a \
      few steps (published with --timestep-sampling logit-normal --logit-normal-mean 0.4).
      """)
  var objective = ObjectiveName.ddpm
  @Option(help: "The path of a flow: linear, gvp or vp (default: linear).")
  var path: FlowPath.Shape?
  @Option(
    help: "What a flow predicts: velocity, noise, score or x0 (default: velocity).")
  var prediction: Flow.Prediction?
  @Option(help: "Weight a flow's times: none, velocity or likelihood (not for a velocity).")
  var flowWeighting = FlowWeighting.none
  @Option(
    help: """
      The weight of 1 - cosine between velocities, over the channels, beside their squared error; 1 in \
      LightningDiT's training.
      """)
  var directionWeight = 0.0
  @Option(help: "Weight the timesteps of ddpm by min(SNR, gamma) / SNR.") var minSnrGamma: Double?
  @Option(help: "Distribution of timesteps: uniform or logit-normal.") var timestepSampling =
    TimestepSampling.uniform
  @Option(help: "The mean of logit-normal timesteps before the logistic function.")
  var logitNormalMean = 0.0
  @Option(help: "The standard deviation of logit-normal timesteps before the logistic function.")
  var logitNormalStd = 1.0
  @Option(help: "The seed of weights, data order and noise.") var seed: UInt64 = 3407
  @Option(help: "Recompute blocks in the backward pass, which saves memory.")
  var useRecompute = false
  @Option(help: "With --use-recompute, recompute every N-th block.")
  var recomputeEvery = 1
  @Option(help: "Initial loss scale of fp16.") var initLossScale = 65536.0
  @Option(help: "Loss scaling of fp16: dynamic or static.") var lossScalerType = LossScalerType
    .dynamic
  @Option(help: "Factor by which the loss scale changes.") var lossScaleFactor = 2.0
  @Option(help: "Steps without overflow before the loss scale grows.") var scaleWindow = 2000
  @Option(help: "Skip steps whose gradients are not finite.") var dropOverflowUpdate = true

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
    try Bounds.from(0, to: 1_000_000).check(directionWeight, "--direction-weight")
    try Bounds.factors.check(minSnrGamma, "--min-snr-gamma")
    try Bounds.from(-100, to: 100).check(logitNormalMean, "--logit-normal-mean")
    try Bounds.above(0, to: 100).check(logitNormalStd, "--logit-normal-std")
    try Bounds.modelCounts.check(recomputeEvery, "--recompute-every")
    try Bounds.above(0, to: 1e12).check(initLossScale, "--init-loss-scale")
    try Bounds.from(1, to: 65536).check(lossScaleFactor, "--loss-scale-factor")
    try Bounds.counts.check(scaleWindow, "--scale-window")
  }

  /// Checks options that depend on each other; each may come from a configuration file.
  ///
  /// - Throws: `UsageError`.
  func checkTogether() throws {
    let isFlow = objective == .flow
    guard isFlow || path == nil && prediction == nil && flowWeighting == .none else {
      throw UsageError(
        "--path, --prediction and --flow-weighting, given or of the configuration file, are for"
          + " --objective flow")
    }
    guard !isFlow || minSnrGamma == nil else {
      throw UsageError("--min-snr-gamma is for --objective ddpm; a flow has --flow-weighting")
    }
    guard flowWeighting == .none || prediction ?? .velocity != .velocity else {
      throw UsageError(
        "--flow-weighting \(flowWeighting.rawValue) is for --prediction noise, score or x0: a velocity"
          + " has no weights")
    }
    guard directionWeight == 0 || isFlow && prediction ?? .velocity == .velocity else {
      throw UsageError(
        "--direction-weight is for --objective flow with --prediction velocity, the default")
    }
    guard timestepSampling == .logitNormal || logitNormalMean == 0 && logitNormalStd == 1 else {
      throw UsageError(
        "--logit-normal-mean and --logit-normal-std are for --timestep-sampling logit-normal")
    }
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

  /// The most images of a step of one process.
  private static let largestBatch = 1 << 20

  /// A note on weight decay, if there is any.
  var notes: [String] {
    guard weightDecay > 0 else { return [] }
    let names = groupStrategy == .all ? "all parameters" : "all parameters but biases"
    return ["weight decay \(weightDecay) of \(names) (--group-strategy \(groupStrategy.rawValue))"]
  }
}

/// The run folder, and when something is written to it.
struct TrainOutputOptions: ParsableArguments {
  @Option(help: "The run's folder (default: runs/<date-time>).", completion: .file())
  var outputPath: String?
  @Option(
    help: """
      Resume from the newest checkpoint of the run's folder, or from this one. Options that are not \
      given are those of the run. A run that has no checkpoint yet begins anew.
      """, completion: .file())
  var resume: ResumeArgument?
  @Option(
    help: """
      Epochs from one checkpoint to the next, or steps with --step-mode (default: 1, or so many epochs \
      that they have 500 steps).
      """)
  var ckptSaveInterval: Int?
  @Option(help: "Count --ckpt-save-interval in steps.") var stepMode = false
  @Option(help: "Number of checkpoints to keep.") var ckptMaxKeep = 3
  @Option(help: "Steps from one sample grid to the next.") var sampleInterval: Int?
  @Option(help: "Steps from one line of metrics to the next.") var logInterval = 1
  @Option(
    help: """
      Steps from one evaluation of fresh samples of the EMA to the next; their figures go to the \
      metrics.
      """) var evaluateInterval: Int?
  @Option(
    help: "What they are compared with: an .npz file, or a folder of images.", completion: .file())
  var reference: String?
  @Option(
    help: """
      The network whose features are compared, as of dit evaluate: a file, or self (default: self, \
      which needs a folder with class folders).
      """, completion: .file()) var features: String?
  @Option(help: "Samples of an evaluation, by 10 steps of unipc.") var evaluateSamples = 256
  @Option(help: "The scale of guidance of these samples.") var evaluateGuidanceScale = 1.5
  @Option(help: "The share of the time for evaluations; one that would take more is left out.")
  var evaluateShare = 0.1

  /// Figures of samples during the run; nil for none.
  ///
  /// - Throws: `UsageError` for options that lack another.
  func evaluation() throws -> TrainingSettings.EvaluationSettings? {
    guard let evaluateInterval else {
      guard reference == nil, features == nil else {
        throw UsageError("--reference and --features are for --evaluate-interval N")
      }
      return nil
    }
    guard let reference else {
      throw UsageError("--evaluate-interval needs --reference, an .npz file or a folder of images")
    }
    var settings = TrainingSettings.EvaluationSettings(
      interval: evaluateInterval, reference: reference,
      features: features ?? EvaluationNetwork.judgeName)
    settings.sampleCount = evaluateSamples
    settings.share = evaluateShare
    settings.guidanceScale = evaluateGuidanceScale
    settings.judgeSampleCount = JudgeSettings.sampleCountOfTests
    return settings
  }

  func validate() throws {
    try Bounds.counts.check(evaluateInterval, "--evaluate-interval")
    try Bounds.from(8, to: 1_000_000).check(evaluateSamples, "--evaluate-samples")
    try Bounds.above(0, to: 1).check(evaluateShare, "--evaluate-share")
    try Bounds.within(SamplingRange.guidanceScale)
      .check(evaluateGuidanceScale, "--evaluate-guidance-scale")
    try Bounds.counts.check(ckptSaveInterval, "--ckpt-save-interval")
    try Bounds.counts.check(ckptMaxKeep, "--ckpt-max-keep")
    try Bounds.counts.check(sampleInterval, "--sample-interval")
    try Bounds.counts.check(logInterval, "--log-interval")
  }
}
