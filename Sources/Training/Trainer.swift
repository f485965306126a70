internal import Diffusion
internal import Models
public import Torch

/// What one optimizer step did.
public struct StepReport: Sendable {
  /// The number of the step, from 1.
  public var step: Int
  /// The mean loss over its rows.
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
  public var isDropped: Bool
  /// From its beginning to its end.
  public var seconds: Double
  /// Of which it waited for data.
  public var waitSeconds: Double
  /// Model-FLOPs utilization (Chowdhery et al. 2022, appendix B): the model's operations a second,
  /// recomputation not counted, over what matrix products alone reach on this device.
  public var utilization: Double
}

/// Takes optimizer steps: data, loss, gradients, AdamW, moving average.
public final class Trainer {
  /// What is trained.
  public let model: TrainingModel
  /// With its state.
  public let optimizer: AdamW
  /// The steps of the whole run.
  public let stepCount: Int
  /// Steps taken, dropped ones too.
  public private(set) var step = 0

  private let config: TrainingConfig
  private let codec: LatentCodec
  private let data: any TrainingData
  private let device: Device
  private let draws: Generator
  private let productRate: Double
  private var scaler: LossScaler
  private var droppedInARow = 0

  /// After this many dropped steps in a row a run is beyond help.
  private static let dropLimit = 25

  /// A trainer at the beginning of a run.
  ///
  /// - Parameters:
  ///   - model: what to train.
  ///   - config: how.
  ///   - data: on what.
  ///   - codec: pixels to latents.
  ///   - stepCount: the steps of the whole run.
  ///   - device: where.
  /// - Throws: `TorchError` if there is no generator of random numbers.
  public init(
    _ model: TrainingModel, config: TrainingConfig, data: any TrainingData, codec: LatentCodec,
    stepCount: Int, device: Device
  ) throws {
    self.model = model
    self.config = config
    self.data = data
    self.codec = codec
    self.stepCount = stepCount
    self.device = device
    optimizer = AdamW(model.trained, config: config)
    draws = try Generator(seed: config.seed)
    productRate = try ProductRate.measured(config.dtype, on: device)
    let scaling = config.dtype == .float16 ? config.lossScaling : .constant(1)
    scaler = LossScaler(scaling)
  }

  /// Rows of a step.
  public var globalBatchSize: Int { config.batchSize * config.accumulationCount }

  /// Takes the next step.
  ///
  /// - Throws: `TrainingError` if too many steps in a row had to be dropped; what the data throw.
  public func takeStep() throws -> StepReport {
    let clock = ContinuousClock()
    let start = clock.now
    var sums = (loss: 0.0, squaredError: 0.0, bound: 0.0, wait: 0.0)
    let size = model.dit.config.inputSize
    let all = StepDraws(
      shape: [globalBatchSize, model.dit.config.channelCount, size, size],
      hasPosterior: data.hasPosterior, config: config, generator: draws)
    let share = 1 / Double(config.accumulationCount)
    for part in 0..<config.accumulationCount {
      let batch = try data.next()
      let rows = part * config.batchSize..<(part + 1) * config.batchSize
      let draws = all.slice(rows, on: device)
      let loss = try model.loss(
        start: latents(of: batch, noise: draws.posteriorNoise), labels: batch.labels.to(device),
        draws: draws)
      let scaled = loss.total * (share * scaler.scale)
      scaled.backward()
      sums.loss += loss.total.item * share
      sums.squaredError += loss.squaredError.detached.mean().item * share
      sums.bound += (loss.variationalBound?.detached.mean().item ?? 0) * share
      sums.wait += batch.waitSeconds
    }
    let rate = config.schedule.rate(at: step, of: stepCount)
    let (norm, isDropped) = try update(loss: sums.loss, learningRate: rate)
    defer { scaler.update(overflowed: isDropped) }
    let seconds = start.duration(to: clock.now).inSeconds
    step += 1
    return StepReport(
      step: step, loss: sums.loss, squaredError: sums.squaredError,
      variationalBound: model.dit.config.learnsVariance ? sums.bound : nil, gradientNorm: norm,
      learningRate: rate, lossScale: scaler.scale, isDropped: isDropped,
      seconds: seconds, waitSeconds: sums.wait,
      utilization: operationCount / seconds / productRate)
  }

  /// Operations of this process in a step: the backward pass costs twice the forward pass.
  private var operationCount: Double {
    6 * model.dit.config.multiplyAddCount * Double(config.batchSize * config.accumulationCount)
  }

  private func latents(of batch: TrainingBatch, noise: Tensor?) -> Tensor {
    switch batch.content {
    case .images(let images):
      return codec.encode(images.to(device), noise: noise)
    case .moments(let mean, let logVariance):
      let latents = LatentDistribution(
        mean: mean.to(device), logVariance: logVariance?.to(device))
      return (noise.map { latents.sample(noise: $0) } ?? latents.mean) * codec.scaleFactor
    }
  }

  /// Clips and steps, or drops the step.
  private func update(loss: Double, learningRate: Double) throws -> (Double, Bool) {
    let gradients = optimizer.gradients()
    let norm = totalNorm(gradients) / scaler.scale
    guard loss.isFinite, norm.isFinite || !config.dropsOverflow else {
      optimizer.discardGradients()
      droppedInARow += 1
      guard droppedInARow < Self.dropLimit else {
        throw TrainingError(
          "the last \(droppedInARow) steps had a loss or gradient that is not finite; the last"
            + " checkpoint is intact: go on from it with a lower learning rate, clipping or fp32")
      }
      return (norm, true)
    }
    droppedInARow = 0
    let clipping = config.maximumGradientNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
    optimizer.step(
      gradients, learningRate: learningRate, gradientScale: clipping / scaler.scale)
    return (norm, false)
  }

  /// What a checkpoint keeps besides weights and moments.
  public func state() throws -> TrainerState {
    TrainerState(
      step: step, optimizerStepCount: optimizer.stepCount, lossScale: scaler.scale,
      goodStepCount: scaler.goodStepCount, generator: try draws.state().elements(UInt8.self))
  }

  /// Goes on from the state of an earlier run; weights and moments are the caller's to copy.
  public func restore(_ state: TrainerState) throws {
    step = state.step
    optimizer.restore(stepCount: state.optimizerStepCount)
    scaler.restore(scale: state.lossScale, goodStepCount: state.goodStepCount)
    try draws.restore(Tensor(state.generator))
  }
}

/// The numbers by which a run goes on where it was.
public struct TrainerState: Sendable, Codable, Equatable {
  var step: Int
  var optimizerStepCount: Int
  var lossScale: Double
  var goodStepCount: Int
  var generator: [UInt8]
}
