internal import Diffusion
public import Torch

/// A whole optimizer step, from latents to the moving average, over buffers that stay and without a
/// look at any number before its end: a device that can (CUDA graphs) records it once, and does it
/// again with one call; on others it is computed each time.
///
/// For one process and steps of one micro-batch.
public final class RecordedStep {
  /// What differs from step to step besides the data.
  public struct Constants {
    /// The learning rate.
    public var learningRate: Double
    /// The number of AdamW's step, from 1.
    public var number: Int
    /// How much of the moving average stays.
    public var emaDecay: Double
    /// What the loss is multiplied by.
    public var lossScale: Double

    /// All constants.
    public init(learningRate: Double, number: Int, emaDecay: Double, lossScale: Double) {
      self.learningRate = learningRate
      self.number = number
      self.emaDecay = emaDecay
      self.lossScale = lossScale
    }

    /// As the step reads them; `skipUpdate` for one that changes nothing.
    func values(skipUpdate: Bool) -> Tensor {
      Tensor([learningRate, Double(number), 1 - emaDecay, lossScale, skipUpdate ? 1 : 0])
        .to(.float32)
    }
  }

  /// What a step did.
  public struct Outcome {
    /// The mean loss over the rows.
    public let loss: Double
    /// The squared error in it.
    public let squaredError: Double
    /// The variational bound in it; 0 for a fixed variance.
    public let variationalBound: Double
    /// The gradient's norm before clipping.
    public let gradientNorm: Double
    /// Whether nothing was changed, because a number was not finite.
    public let wasSkipped: Bool
  }

  private let latents: Tensor
  private let labels: Tensor
  private let draws: StepRandomness
  private let constants: Tensor
  private let graph: DeviceGraph

  /// Records the step; nothing is changed by that.
  ///
  /// - Parameters:
  ///   - model: what to train.
  ///   - optimizer: of all its trained parameters, in one process.
  ///   - config: how.
  ///   - latents: clean ones of the shape of each step, `[N, C, h, w]`, on the model's device.
  ///   - labels: classes, `[N]`, int64
  ///   - draws: random numbers of these rows.
  /// - Throws: `TorchError` if memory does not suffice.
  public init(
    _ model: TrainingModel, _ optimizer: AdamW, config: TrainingConfig, latents: Tensor,
    labels: Tensor, draws: StepRandomness
  ) throws {
    let device = latents.device
    let buffers = (latents: latents.cloned, labels: labels.cloned, draws: draws.clonedForLoss)
    let constants = Constants(learningRate: 0, number: 1, emaDecay: 1, lossScale: 1)
      .values(skipUpdate: true).to(device)
    (self.latents, self.labels, self.draws) = buffers
    self.constants = constants
    graph = try withTorchErrors {
      DeviceGraph(on: device) {
        RecordedStep.computed(
          model, optimizer, config, buffers.latents, buffers.labels, buffers.draws, constants)
      }
    }
  }

  /// What came of recording it.
  public var recording: DeviceGraph.Recording { graph.recording }

  /// Takes a step; a device that computes by itself goes on when this returns.
  ///
  /// - Parameters:
  ///   - latents: clean ones, `[N, C, h, w]`
  ///   - labels: classes, `[N]`, int64
  ///   - draws: random numbers of these rows.
  ///   - constants: of this step.
  /// - Returns: what waits for the step and says what it did; to be called before the next step.
  /// - Throws: `TorchError` if the device fails.
  public func callAsFunction(
    latents: Tensor, labels: Tensor, draws: StepRandomness, constants: Constants
  ) throws -> () throws -> Outcome {
    let numbers = try withTorchErrors {
      self.latents.copyInPlace(from: latents)
      self.labels.copyInPlace(from: labels)
      self.draws.copyInPlace(from: draws)
      self.constants.copyInPlace(from: constants.values(skipUpdate: false).sent(to: latents.device))
      return graph()
    }
    return {
      let values = try withTorchErrors { numbers.elements(Double.self) }
      return Outcome(
        loss: values[0], squaredError: values[1], variationalBound: values[2],
        gradientNorm: values[3], wasSkipped: values[4] > 0)
    }
  }

  /// The step itself, and its outcome as numbers.
  private static func computed(
    _ model: TrainingModel, _ optimizer: AdamW, _ config: TrainingConfig, _ latents: Tensor,
    _ labels: Tensor, _ draws: StepRandomness, _ constants: Tensor
  ) -> Tensor {
    let (lossScale, skipUpdate) = (constants[3], constants[4])
    optimizer.discardGradients()
    let loss: TrainingLoss
    do {
      loss = try model.loss(start: latents, labels: labels, draws: draws)
    } catch {
      report(TorchError(operation: "loss", message: "\(error)"))
      return constants
    }
    (loss.total * lossScale).backward()
    // Nothing may be updated by the gradients of a part.
    guard !hasTorchErrors else { return constants }
    return withoutGradients {
      let gradients = optimizer.gradients()
      let norm = totalNorm(gradients).to(.float32) / lossScale
      var isFinite = loss.total.detached.isFinite.to(.float32)
      if config.skipsOverflow { isFinite = isFinite * norm.isFinite.to(.float32) }
      let wasSkipped = (-isFinite + 1).maximum(skipUpdate)
      let clipping = config.maximumGradientNorm.map {
        let factor = ((norm + 1e-6).reciprocal * $0).clamped(max: 1)
        return factor.isFinite.select(factor, else: .ones([], device: factor.device))
      }
      optimizer.step(
        gradients, learningRate: constants[0], number: constants[1],
        gradientDivisor: clipping.map { lossScale / $0 } ?? lossScale, emaWeight: constants[2],
        skipUpdate: wasSkipped)
      optimizer.discardGradients()
      return stacked([
        loss.total.detached, loss.squaredError.detached.mean(),
        loss.variationalBound?.detached.mean() ?? loss.total.detached * 0, norm, wasSkipped,
      ])
    }
  }
}
