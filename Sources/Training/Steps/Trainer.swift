internal import Diffusion
internal import Layers
internal import Models
internal import Parallel
internal import Pipeline
public import Torch

/// Takes optimizer steps: data, loss, gradients, AdamW, moving average.
public final class Trainer {
  /// The model that is trained.
  public let model: TrainingModel
  /// AdamW with its moments and the moving average.
  public let optimizer: AdamW
  /// The steps of the whole run.
  public private(set) var stepCount: Int
  /// Steps taken, skipped ones included.
  public private(set) var step = 0
  /// Rows taken from the data, over all ranks.
  public private(set) var sampleCount = 0
  /// How many of the last steps were skipped in a row.
  public private(set) var skippedInARow = 0
  /// The ranks that share each step.
  public let parallel: DataParallel

  private let config: TrainingConfig
  private let updateRule: UpdateRule
  private let batches: LatentBatches
  private let device: Device
  private let generator: Generator
  private var scaler: LossScaler
  /// Measured before the first step.
  private var throughput: MatmulThroughput?
  /// Made in the first step, if whole steps are recorded.
  private var recorded: RecordedStep?

  /// After this many skipped steps in a row a run is beyond help.
  private static let skipLimit = 25

  /// A trainer at the beginning of a run.
  ///
  /// - Parameters:
  ///   - model: the model to train.
  ///   - config: the recipe.
  ///   - data: images or cached latents.
  ///   - codec: pixels to latents.
  ///   - stepCount: the steps of the whole run.
  ///   - device: of the model.
  ///   - parallel: the ranks that share each step; all of them start from the weights of rank 0.
  /// - Throws: `TorchError` if there is no generator of random numbers; `LaunchError` if a rank is
  ///   lost.
  public init(
    _ model: TrainingModel, config: TrainingConfig, data: any TrainingData, codec: LatentCodec,
    stepCount: Int, device: Device, parallel: DataParallel = DataParallel(nil)
  ) throws {
    self.model = model
    self.config = config
    self.stepCount = stepCount
    self.device = device
    self.parallel = parallel
    updateRule = UpdateRule(config)
    batches = LatentBatches(data, codec: codec, device: device, prefetches: config.prefetches)
    try parallel.prepare(
      model.store.names.compactMap { model.store[$0] }, trained: model.trained.map(\.tensor))
    optimizer = AdamW(model.trained, config: config.adamW, parallel: parallel)
    generator = try Generator(seed: config.seed)
    let scaling = config.dtype == .float16 ? config.lossScaling : .constant(1)
    scaler = LossScaler(scaling)
  }

  /// Rows of a step, over all ranks.
  public var globalBatchSize: Int { config.globalBatchSize(rankCount: parallel.count) }

  /// Takes the next step.
  ///
  /// - Parameters:
  ///   - randomness: the random numbers of the whole global batch; the trainer's own if nil.
  ///   - shouldStop: asked once; all ranks learn whether one says yes.
  ///   - beforeUpdate: called before weights, moments and moving average change.
  /// - Returns: the numbers of the step.
  /// - Throws: `TrainingError` if too many steps in a row were skipped; `LaunchError` if a rank is
  ///   lost; what the data throw, and `TorchError` if memory does not suffice, and then nothing has
  ///   changed.
  public func takeStep(
    randomness: StepRandomness? = nil, shouldStop: () -> Bool = { false },
    beforeUpdate: () -> Void = {}
  ) throws -> StepReport {
    let throughput = try throughput ?? MatmulThroughput(measuring: config.dtype, on: device)
    self.throughput = throughput
    let clock = ContinuousClock()
    let start = clock.now
    let generatorState = try generator.state()
    let rate = config.schedule.rate(at: step, of: stepCount)
    let sums: Sums
    do {
      let randomness = randomness ?? drawRandomness()
      sums = try withTorchErrors {
        try recordsSteps
          ? takeRecordedStep(randomness, learningRate: rate, beforeUpdate)
          : addUpGradients(randomness)
      }
    } catch {
      optimizer.discardGradients()
      try generator.restore(generatorState)
      throw error
    }
    try parallel.enter(.exchange, step: step + 1)
    let exchange = try parallel.finishGradients()
    let means = try parallel.means(
      [sums.loss, sums.squaredError, sums.bound, sums.wait, shouldStop() ? 1 : 0]
        + sums.byNoise.sums + sums.byNoise.counts)
    let byNoise = means.dropFirst(5)
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
      utilization: operationCount / seconds / throughput.operationsPerSecond, exchange: exchange,
      shouldStop: means[4] > 0,
      errorsByNoise: NoiseLevelErrors(
        sums: byNoise.prefix(NoiseLevelErrors.binCount),
        counts: byNoise.suffix(NoiseLevelErrors.binCount)))
  }

  /// Means over the rows of this rank, and the time that it waited for them.
  private struct Sums {
    var loss = 0.0
    var squaredError = 0.0
    var bound = 0.0
    var wait = 0.0
    var byNoise = NoiseLevelErrors()
    /// The gradient's norm, and whether the step was skipped, if the weights are updated already.
    var update: (norm: Double, wasSkipped: Bool)?
  }

  private func drawRandomness() -> StepRandomness {
    let size = model.dit.config.inputSize
    return StepRandomness(
      shape: [globalBatchSize, model.dit.config.channelCount, size, size],
      hasPosterior: batches.hasPosterior, config: config, generator: generator)
  }

  /// The forward and backward passes of a step.
  private func addUpGradients(_ all: StepRandomness) throws -> Sums {
    var sums = Sums()
    let share = 1 / Double(config.accumulationCount)
    for part in 0..<config.accumulationCount {
      try parallel.enter(.data, step: step + 1)
      let batch = try batches.next()
      try parallel.enter(.backward, step: step + 1)
      let first = (parallel.rank * config.accumulationCount + part) * config.batchSize
      let randomness = all.slice(first..<first + config.batchSize, on: device)
      let loss = try model.loss(
        x0: batches.latents(of: batch, noise: randomness.posteriorNoise), labels: batch.labels,
        randomness: randomness)
      let scaled = loss.total * (share / Double(parallel.count) * scaler.scale)
      let isLast = part == config.accumulationCount - 1
      try parallel.backward(scaled, isLast: isLast)
      if !isLast || step + 1 < stepCount { batches.prefetch() }
      sums.loss += loss.total.item * share
      sums.squaredError += loss.squaredError.detached.mean().item * share
      sums.bound += (loss.variationalBound?.detached.mean().item ?? 0) * share
      sums.wait += batch.waitSeconds
      sums.byNoise.add(
        loss.squaredError.detached.to(.float64).elements(Double.self),
        at: config.objective.noiseLevels(of: randomness.times))
    }
    return sums
  }

  /// Whether whole steps are recorded.
  private var recordsSteps: Bool {
    config.recordsSteps && config.accumulationCount == 1 && parallel.count == 1
      && !config.objective.isMeanFlow
  }

  /// What came of recording whole steps; known from the first step on.
  public var recording: DeviceGraph.Recording { recorded?.recording ?? .none }

  /// A whole step, from data to moving average.
  private func takeRecordedStep(
    _ all: StepRandomness, learningRate: Double, _ beforeUpdate: () -> Void
  ) throws -> Sums {
    let batch = try batches.next()
    let randomness = all.slice(0..<config.batchSize, on: device)
    let latents = batches.latents(of: batch, noise: randomness.posteriorNoise)
    let recorded =
      try recorded
      ?? RecordedStep(
        model, optimizer, config: config, latents: latents, labels: batch.labels,
        randomness: randomness)
    self.recorded = recorded
    beforeUpdate()
    let outcome = try recorded(
      latents: latents, labels: batch.labels, randomness: randomness,
      step: optimizer.nextStep(learningRate: learningRate, lossScale: scaler.scale))
    if step + 1 < stepCount { batches.prefetch() }
    let result = try outcome()
    if !result.wasSkipped { optimizer.countStep() }
    var byNoise = NoiseLevelErrors()
    byNoise.add(
      result.squaredErrors,
      at: config.objective.noiseLevels(of: all.times[0..<config.batchSize]))
    return Sums(
      loss: result.loss, squaredError: result.squaredError, bound: result.variationalBound,
      wait: batch.waitSeconds, byNoise: byNoise,
      update: (result.gradientNorm, result.wasSkipped))
  }

  /// Operations of this process in a step: the backward pass costs twice the forward pass.
  private var operationCount: Double {
    6 * model.dit.multiplyAddCount * Double(config.batchSize * config.accumulationCount)
  }

  /// Clips the gradients and updates the weights, or skips the update.
  private func update(
    loss: Double, learningRate: Double
  ) throws -> (norm: Double, wasSkipped: Bool) {
    let gradients = optimizer.gradients()
    func scalar(_ value: Double) -> Tensor { .full([], value, dtype: .float64) }
    let decision = updateRule(
      scaledNorm: totalNorm(gradients).to(.cpu), loss: scalar(loss),
      lossScale: scalar(scaler.scale))
    let norm = decision.norm.item
    guard decision.skipUpdate.item == 0 else {
      optimizer.discardGradients()
      return (norm, true)
    }
    try optimizer.step(
      gradients, learningRate: learningRate, lossScale: scaler.scale,
      clipping: decision.clipping?.item ?? 1)
    return (norm, false)
  }

  private func count(wasSkipped: Bool) throws {
    skippedInARow = wasSkipped ? skippedInARow + 1 : 0
    guard skippedInARow < Self.skipLimit else {
      throw TrainingError(
        .notFinite,
        "the last \(skippedInARow) steps had a loss or gradient that is not finite, and nothing was"
          + " saved since")
    }
  }

  /// The moving average of the weights by name, or the weights themselves if there is none. All ranks
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

  /// The numbers that a checkpoint keeps besides weights and moments.
  ///
  /// - Throws: `TorchError` if the state of the random numbers cannot be read.
  public func state() throws -> TrainerState {
    TrainerState(
      step: step, optimizerStepCount: optimizer.stepCount, lossScale: scaler.scale,
      goodStepCount: scaler.goodStepCount, scaling: scaler.scaling,
      generator: try generator.state().elements(UInt8.self), ema: optimizer.emaRecord)
  }

  /// Continues from the state of an earlier run. Weights, moments and the position in the data are the
  /// caller's to set. Its loss scale is ignored if this run scales in another way or starts from
  /// another scale.
  ///
  /// - Parameters:
  ///   - state: from `state()`.
  ///   - sampleCount: rows taken from the data so far.
  ///   - sampleLimit: rows after which the run ends, in place of `stepCount`.
  /// - Throws: `TorchError` if the state of the random numbers is none.
  public func restore(_ state: TrainerState, sampleCount: Int, sampleLimit: Int? = nil) throws {
    batches.discardPrefetched()
    step = state.step
    self.sampleCount = sampleCount
    if let sampleLimit {
      let left = max(sampleLimit - sampleCount, 0)
      stepCount = step + (left + globalBatchSize - 1) / globalBatchSize
    }
    optimizer.restore(
      stepCount: state.optimizerStepCount,
      emaStartShare: state.ema.flatMap { ema in
        ema.startShare
          ?? RunRecord.startShare(
            decay: ema.decay, warmsUp: ema.warmsUp, stepCount: state.optimizerStepCount)
      })
    // Runs of earlier versions did not warm up unless they were told to.
    optimizer.emaWarmsUp = config.emaWarmsUp ?? state.ema?.warmsUp ?? false
    if scaler.scaling.continues(state.scaling ?? scaler.scaling) {
      scaler.restore(scale: state.lossScale, goodStepCount: state.goodStepCount)
    }
    try generator.restore(Tensor(state.generator))
  }
}
