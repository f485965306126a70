internal import Diffusion
public import Torch

/// A whole optimizer step, from latents to the moving average, over buffers that stay and without a
/// look at any number before its end: a device that can (CUDA graphs) records it once, and does it
/// again with one call; on others it is computed each time.
///
/// For one process and steps of one micro-batch.
public final class RecordedStep {
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
  private let numbers: Tensor
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
    let numbers = AdamWStep<Double>(
      learningRate: 0, number: 1, lossScale: 1, clipping: 1, emaWeight: 0, skipUpdate: 1
    ).packed.to(device)
    (self.latents, self.labels, self.draws) = buffers
    self.numbers = numbers
    graph = try withTorchErrors {
      DeviceGraph(on: device) {
        RecordedStep.computed(
          model, optimizer, config, buffers.latents, buffers.labels, buffers.draws, numbers)
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
  ///   - step: the numbers of this step; the step itself computes `clipping`.
  /// - Returns: what waits for the step and says what it did; to be called before the next step.
  /// - Throws: `TorchError` if the device fails.
  public func callAsFunction(
    latents: Tensor, labels: Tensor, draws: StepRandomness, step: AdamWStep<Double>
  ) throws -> () throws -> Outcome {
    let outcome = try withTorchErrors {
      self.latents.copyInPlace(from: latents)
      self.labels.copyInPlace(from: labels)
      self.draws.copyInPlace(from: draws)
      self.numbers.copyInPlace(from: step.packed.sent(to: latents.device))
      return graph()
    }
    return {
      let values = try withTorchErrors { outcome.elements(Double.self) }
      return Outcome(
        loss: values[0], squaredError: values[1], variationalBound: values[2],
        gradientNorm: values[3], wasSkipped: values[4] > 0)
    }
  }

  /// The step itself, and its outcome as numbers.
  private static func computed(
    _ model: TrainingModel, _ optimizer: AdamW, _ config: TrainingConfig, _ latents: Tensor,
    _ labels: Tensor, _ draws: StepRandomness, _ numbers: Tensor
  ) -> Tensor {
    var step = AdamWStep(packed: numbers)
    optimizer.discardGradients()
    let loss: TrainingLoss
    do {
      loss = try model.loss(x0: latents, labels: labels, draws: draws)
    } catch {
      report(TorchError(operation: "loss", message: "\(error)"))
      return numbers
    }
    (loss.total * step.lossScale).backward()
    // Nothing may be updated by the gradients of a part.
    guard !hasTorchErrors else { return numbers }
    return withoutGradients {
      let gradients = optimizer.gradients()
      let norm = totalNorm(gradients).to(.float32) / step.lossScale
      var isFinite = loss.total.detached.isFinite.to(.float32)
      if config.skipsOverflow { isFinite = isFinite * norm.isFinite.to(.float32) }
      let wasSkipped = (-isFinite + 1).maximum(step.skipUpdate)
      step.skipUpdate = wasSkipped
      if let maximum = config.maximumGradientNorm {
        let factor = ((norm + 1e-6).reciprocal * maximum).clamped(max: 1)
        step.clipping = factor.isFinite.select(factor, else: .ones([], device: factor.device))
      }
      optimizer.step(gradients, step)
      optimizer.discardGradients()
      return stacked([
        loss.total.detached, loss.squaredError.detached.mean(),
        loss.variationalBound?.detached.mean() ?? loss.total.detached * 0, norm, wasSkipped,
      ])
    }
  }
}
