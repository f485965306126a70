internal import ArgumentParser
internal import Inference
internal import Models
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
      The autoencoder's file, or none to train on pixels; after dit encode only for \
      --sample-interval.
      """) var vaeCheckpoint: String?
  @Option(help: "What latents are multiplied by (default: the autoencoder's own).")
  var sdScaleFactor: Double?
  @Option(help: "Height and width of images in pixels (default: 256, or that of dit encode).")
  var imageSize: Int?
  @Option(help: "Mirror half of the images.") var horizontalFlip = true
  @Option(help: "Threads that decode images.") var numParallelWorkers = 2
  @Option(help: "Load each batch while a GPU computes the one before.") var datasetSinkMode = true
  @Option(help: .hidden) var sinkSize: Int?
  @Option(help: .hidden) var imagenetFormat: Bool?
  @Option(help: .hidden) var jsonDataPath: String?
  @Option(help: .hidden) var numWorkers: Int?
  @Option(help: .hidden) var replaceSmallImages: Bool?
}

/// What is trained.
struct TrainModelOptions: ParsableArguments {
  @Option(help: "A published size, DiT-XL/2 to DiT-S/8 (default: DiT-XL/2).")
  var modelName: DiTPreset?
  @Option(help: "Width, for a size of one's own.") var hiddenSize: Int?
  @Option(help: "Blocks, for a size of one's own.") var depth: Int?
  @Option(help: "Attention heads, for a size of one's own.") var numHeads: Int?
  @Option(help: "Patch size, for a size of one's own.") var patchSize: Int?
  @Option(help: "Learn the variance too.") var learnSigma = true
  @Option(help: "Start from the weights of this checkpoint.") var ditCheckpoint: String?
  @Option(help: .hidden) var pretrainedModelPath: String?
  @Option(
    help: "Leave parameters as they are whose names contain one of these, with commas between.")
  var freeze: String?
  @Option(help: .hidden) var embedDim: Int?
  @Option(help: .hidden) var clipCheckpoint: String?

  /// Checks options that only make sense together; each alone may come from a configuration file.
  func checkTogether() throws {
    let own = [hiddenSize, depth, numHeads].compactMap { $0 }
    if modelName != nil, hiddenSize != nil {
      throw UsageError("--model-name and a size of one's own exclude each other")
    }
    if modelName == nil, !own.isEmpty, ditCheckpoint == nil, pretrainedModelPath == nil,
      own.count < 3 || patchSize == nil
    {
      throw UsageError(
        "a size of one's own needs --hidden-size, --depth, --num-heads and --patch-size")
    }
  }
}

/// How it is trained.
struct TrainRecipeOptions: ParsableArguments {
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
  @Option(help: "Steps of the decay (default: all that are left).") var decaySteps = 0
  @Option(help: "Decoupled weight decay.") var weightDecay = 0.0
  @Option(help: "Parameters that decay: all, or norm_and_bias for all but those.")
  var groupStrategy = WeightDecayGroups.all
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
  @Option(help: "With --use-recompute, every so manieth block.") var recomputeEvery = 1
  @Option(help: "The loss scale of fp16, at first.") var initLossScale = 65536.0
  @Option(help: "dynamic or static.") var lossScalerType = LossScalerType.dynamic
  @Option(help: "What the loss scale changes by.") var lossScaleFactor = 2.0
  @Option(help: "Steps without overflow before the loss scale grows.") var scaleWindow = 2000
  @Option(help: "Leave out steps whose gradients are not finite.") var dropOverflowUpdate = true

  func validate() throws {
    func require(_ condition: Bool, _ message: String) throws {
      guard condition else { throw ValidationError(message) }
    }
    try require(optim.lowercased() == "adamw", "--optim \(optim): only adamw is known")
    try require(trainBatchSize > 0, "--train-batch-size must be at least 1")
    try require(gradientAccumulationSteps > 0, "--gradient-accumulation-steps must be at least 1")
    try require(epochs > 0 && maxSteps ?? 1 > 0, "--epochs and --max-steps must be at least 1")
    try require(startLearningRate > 0, "--start-learning-rate must be above 0")
    try require((0..<1).contains(labelDropout), "--label-dropout must be from 0 to 1")
    try require((0..<1).contains(emaDecay), "--ema-decay must be from 0 to 1")
    try require(recomputeEvery > 0, "--recompute-every must be at least 1")
    try require(maxGradNorm > 0, "--max-grad-norm must be above 0")
    try require(initLossScale > 0, "--init-loss-scale must be above 0")
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
  @Option(help: .hidden) var callbackSize: Int?
  @Option(help: .hidden) var logLevel: String?
  @Option(help: .hidden) var profile: Bool?

  func validate() throws {
    guard ckptSaveInterval > 0, ckptMaxKeep > 0, logInterval > 0, sampleInterval ?? 1 > 0 else {
      throw ValidationError("intervals and --ckpt-max-keep must be at least 1")
    }
  }
}
