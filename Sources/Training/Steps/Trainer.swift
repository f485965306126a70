internal import Diffusion
internal import Layers
internal import Models
internal import Parallel
public import Torch

/// What one optimizer step did.
public struct StepReport: Sendable {
  /// The number of the step, from 1.
  public var step: Int
  /// The mean loss over the rows of all ranks.
  public var loss: Double
  /// The squared error in it.
  public var squaredError: Double
  /// The variational bound in it; nil for a fixed variance.
  public var variationalBound: Double?
  /// The gradient's norm before clipping.
  public var gradientNorm: Double
  /// The learning rate.
  public var learningRate: Double
  /// The loss scale; 1 but for float16.
  public var lossScale: Double
  /// Whether the step was left out because a number was not finite.
  public var wasSkipped: Bool
  /// From its beginning to its end.
  public var seconds: Double
  /// Of which it waited for data, in the mean over the ranks.
  public var waitSeconds: Double
  /// Model-FLOPs utilization (Chowdhery et al. 2022, appendix B): the model's operations a second,
  /// recomputation not counted, over what matrix products alone reach on this device.
  public var utilization: Double
  /// How long gradients were added up over the ranks; nil for one process.
  public var exchange: GradientBuckets.Exchange?
  /// Whether a rank was asked to stop during the step; all ranks agree.
  public var shouldStop: Bool
}

/// Takes optimizer steps: data, loss, gradients, AdamW, moving average.
public final class Trainer {
  /// What is trained.
  public let model: TrainingModel
  /// With its state.
  public let optimizer: AdamW
  /// The steps of the whole run.
  public private(set) var stepCount: Int
  /// Steps taken, dropped ones too.
  public private(set) var step = 0
  /// Rows that were taken from the data, over all ranks.
  public private(set) var sampleCount = 0
  /// The last so many steps were dropped.
  public private(set) var skippedInARow = 0
  /// What it exchanges with other ranks.
  public let parallel: DataParallel

  private let config: TrainingConfig
  private let codec: LatentCodec
  private let data: any TrainingData
  private let device: Device
  private let generator: Generator
  private let matmulThroughput: Double
  private var scaler: LossScaler
  /// The next micro-batch, or why there is none, where it was loaded ahead.
  private var prefetched: Result<TrainingBatch, any Error>?
  /// From the first step on, where whole steps are recorded.
  private var recorded: RecordedStep?

  /// After this many dropped steps in a row a run is beyond help.
  private static let skipLimit = 25
  /// What to do about a loss that is not finite.
  static let remedy =
    "go on from the last checkpoint, or one before the loss rose, with a lower learning rate,"
    + " clipping or fp32"

  /// A trainer at the beginning of a run.
  ///
  /// - Parameters:
  ///   - model: what to train.
  ///   - config: how.
  ///   - data: on what.
  ///   - codec: pixels to latents.
  ///   - stepCount: the steps of the whole run.
  ///   - device: where.
  ///   - parallel: with other ranks; all of them start from the weights of rank 0.
  /// - Throws: `TorchError` if there is no generator of random numbers; `LaunchError` if a rank is
  ///   lost.
  public init(
    _ model: TrainingModel, config: TrainingConfig, data: any TrainingData, codec: LatentCodec,
    stepCount: Int, device: Device, parallel: DataParallel = DataParallel(nil)
  ) throws {
    self.model = model
    self.config = config
    self.data = data
    self.codec = codec
    self.stepCount = stepCount
    self.device = device
    self.parallel = parallel
    try parallel.prepare(
      model.store.names.compactMap { model.store[$0] }, trained: model.trained.map(\.tensor))
    optimizer = AdamW(model.trained, config: config, parallel: parallel)
    generator = try Generator(seed: config.seed)
    matmulThroughput = try MatmulThroughput.measured(config.dtype, on: device)
    let scaling = config.dtype == .float16 ? config.lossScaling : .constant(1)
    scaler = LossScaler(scaling)
  }

  /// Rows of a step, over all ranks.
  public var globalBatchSize: Int {
    config.batchSize * config.accumulationCount * parallel.count
  }

  /// Takes the next step.
  ///
  /// - Parameters:
  ///   - draws: the random numbers of the whole global batch; the trainer's own if nil.
  ///   - shouldStop: asked once; all ranks learn whether one says yes.
  ///   - beforeUpdate: called before weights, moments and averages change.
  /// - Returns: what it did.
  /// - Throws: `TrainingError` if too many steps in a row had to be dropped; `LaunchError` if a rank is
  ///   lost; what the data throw, and `TorchError` if memory does not suffice, and then nothing has
  ///   changed.
  public func takeStep(
    draws: StepRandomness? = nil, shouldStop: () -> Bool = { false },
    beforeUpdate: () -> Void = {}
  ) throws -> StepReport {
    let clock = ContinuousClock()
    let start = clock.now
    let generatorState = try generator.state()
    let rate = config.schedule.rate(at: step, of: stepCount)
    let sums: Sums
    do {
      let draws = draws ?? ownDraws()
      sums = try withTorchErrors {
        try recordsSteps
          ? takeRecordedStep(draws, learningRate: rate, beforeUpdate) : addUpGradients(draws)
      }
    } catch {
      optimizer.discardGradients()
      try generator.restore(generatorState)
      throw error
    }
    try parallel.enter(.exchange, step: step + 1)
    let exchanged = try parallel.finishGradients()
    let means = try parallel.means([
      sums.loss, sums.squaredError, sums.bound, sums.wait, shouldStop() ? 1 : 0,
    ])
    try parallel.enter(.update, step: step + 1)
    if sums.update == nil { beforeUpdate() }
    let (norm, wasSkipped) = try sums.update ?? update(loss: means[0], learningRate: rate)
    try count(wasSkipped: wasSkipped)
    defer { scaler.update(overflowed: wasSkipped) }
    let seconds = start.duration(to: clock.now).inSeconds
    step += 1
    sampleCount += globalBatchSize
    return StepReport(
      step: step, loss: means[0], squaredError: means[1],
      variationalBound: model.dit.config.learnsVariance ? means[2] : nil, gradientNorm: norm,
      learningRate: rate, lossScale: scaler.scale, wasSkipped: wasSkipped,
      seconds: seconds, waitSeconds: means[3],
      utilization: operationCount / seconds / matmulThroughput, exchange: exchanged,
      shouldStop: means[4] > 0)
  }

  /// Means over the rows of this rank, and the time that it waited for them.
  private struct Sums {
    var loss = 0.0
    var squaredError = 0.0
    var bound = 0.0
    var wait = 0.0
    /// The gradient's norm, and whether the step was dropped, where weights are updated already.
    var update: (norm: Double, wasSkipped: Bool)?
  }

  private func ownDraws() -> StepRandomness {
    let size = model.dit.config.inputSize
    return StepRandomness(
      shape: [globalBatchSize, model.dit.config.channelCount, size, size],
      hasPosterior: data.hasPosterior, config: config, generator: generator)
  }

  /// The forward and backward passes of a step.
  private func addUpGradients(_ all: StepRandomness) throws -> Sums {
    var sums = Sums()
    let share = 1 / Double(config.accumulationCount)
    for part in 0..<config.accumulationCount {
      try parallel.enter(.data, step: step + 1)
      let batch = try nextBatch()
      try parallel.enter(.backward, step: step + 1)
      let first = (parallel.rank * config.accumulationCount + part) * config.batchSize
      let rows = first..<first + config.batchSize
      let draws = all.slice(rows, on: device)
      let loss = try model.loss(
        x0: latents(of: batch, noise: draws.posteriorNoise), labels: batch.labels, draws: draws)
      let scaled = loss.total * (share / Double(parallel.count) * scaler.scale)
      let isLast = part == config.accumulationCount - 1
      try parallel.backward(scaled, isLast: isLast)
      if !isLast || step + 1 < stepCount { prefetch() }
      sums.loss += loss.total.item * share
      sums.squaredError += loss.squaredError.detached.mean().item * share
      sums.bound += (loss.variationalBound?.detached.mean().item ?? 0) * share
      sums.wait += batch.waitSeconds
    }
    return sums
  }

  /// Whether whole steps are recorded.
  private var recordsSteps: Bool {
    config.recordsSteps && config.accumulationCount == 1 && parallel.count == 1
  }

  /// What came of recording whole steps; from the first step on.
  public var recording: DeviceGraph.Recording { recorded?.recording ?? .none }

  /// A step from data to update.
  private func takeRecordedStep(
    _ all: StepRandomness, learningRate: Double, _ beforeUpdate: () -> Void
  ) throws -> Sums {
    let batch = try nextBatch()
    let draws = all.slice(0..<config.batchSize, on: device)
    let latents = latents(of: batch, noise: draws.posteriorNoise)
    let recorded =
      try recorded
      ?? RecordedStep(
        model, optimizer, config: config, latents: latents, labels: batch.labels, draws: draws)
    self.recorded = recorded
    beforeUpdate()
    let outcome = try recorded(
      latents: latents, labels: batch.labels, draws: draws,
      step: optimizer.nextStep(learningRate: learningRate, lossScale: scaler.scale))
    if step + 1 < stepCount { prefetch() }
    let result = try outcome()
    if !result.wasSkipped { optimizer.countStep() }
    return Sums(
      loss: result.loss, squaredError: result.squaredError, bound: result.variationalBound,
      wait: batch.waitSeconds, update: (result.gradientNorm, result.wasSkipped))
  }

  /// Until a number is asked for, a GPU computes by itself.
  private func prefetch() {
    guard config.prefetches else { return }
    prefetched = Result { try data.next().sent(to: device) }
  }

  private func nextBatch() throws -> TrainingBatch {
    guard let prefetched else { return try data.next().sent(to: device) }
    self.prefetched = nil
    return try prefetched.get()
  }

  /// Operations of this process in a step: the backward pass costs twice the forward pass.
  private var operationCount: Double {
    6 * model.dit.multiplyAddCount * Double(config.batchSize * config.accumulationCount)
  }

  private func latents(of batch: TrainingBatch, noise: Tensor?) -> Tensor {
    switch batch.content {
    case .images(let images):
      return codec.encode(images, noise: noise)
    case .moments(let mean, let logVariance):
      let latents = LatentDistribution(mean: mean, logVariance: logVariance)
      return (noise.map { latents.sample(noise: $0) } ?? latents.mean) * codec.scaleFactor
    }
  }

  /// Clips and steps, or leaves the step out.
  private func update(loss: Double, learningRate: Double) throws -> (Double, Bool) {
    let gradients = optimizer.gradients()
    let norm = totalNorm(gradients).item / scaler.scale
    guard loss.isFinite, norm.isFinite || !config.skipsOverflow else {
      optimizer.discardGradients()
      return (norm, true)
    }
    let clipping = config.maximumGradientNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    try optimizer.step(
      gradients, learningRate: learningRate, lossScale: scaler.scale, clipping: clipping)
    return (norm, false)
  }

  private func count(wasSkipped: Bool) throws {
    skippedInARow = wasSkipped ? skippedInARow + 1 : 0
    guard skippedInARow < Self.skipLimit else {
      throw TrainingError(
        "the last \(skippedInARow) steps had a loss or gradient that is not finite, and nothing was"
          + " saved since: " + Self.remedy)
    }
  }

  /// The averaged weights by name, or the weights themselves where there is no average; all ranks
  /// call it together.
  ///
  /// - Throws: `LaunchError` if a rank is lost that has a part.
  public func emaWeights() throws -> [String: Tensor] {
    var weights = model.store.stateDict.mapValues(\.detached)
    if optimizer.hasEMA {
      try optimizer.forEachWhole(of: optimizer.ema) { weights[$0] = $1 }
    }
    return weights
  }

  /// What a checkpoint keeps besides weights and moments.
  public func state() throws -> TrainerState {
    TrainerState(
      step: step, optimizerStepCount: optimizer.stepCount, lossScale: scaler.scale,
      goodStepCount: scaler.goodStepCount, scaling: scaler.scaling,
      generator: try generator.state().elements(UInt8.self))
  }

  /// Goes on from the state of an earlier run; weights, moments and the place in the data are the
  /// caller's to set. Its loss scale is left where this run scales in another way or from another
  /// beginning.
  ///
  /// - Parameters:
  ///   - state: what `state()` gave.
  ///   - sampleCount: rows taken from the data so far.
  ///   - sampleLimit: rows after which the run ends, in place of `stepCount`.
  /// - Throws: `TorchError` if the random numbers' state is none.
  public func restore(_ state: TrainerState, sampleCount: Int, sampleLimit: Int? = nil) throws {
    prefetched = nil
    step = state.step
    self.sampleCount = sampleCount
    if let sampleLimit {
      let left = max(sampleLimit - sampleCount, 0)
      stepCount = step + (left + globalBatchSize - 1) / globalBatchSize
    }
    optimizer.restore(stepCount: state.optimizerStepCount)
    if scaler.scaling.continues(state.scaling ?? scaler.scaling) {
      scaler.restore(scale: state.lossScale, goodStepCount: state.goodStepCount)
    }
    try generator.restore(Tensor(state.generator))
  }
}

/// The numbers by which a run goes on where it was.
public struct TrainerState: Sendable, Codable, Equatable {
  var step: Int
  var optimizerStepCount: Int
  var lossScale: Double
  var goodStepCount: Int
  /// How the loss was scaled; nil in files of earlier versions.
  var scaling: LossScaling?
  var generator: [UInt8]
}
