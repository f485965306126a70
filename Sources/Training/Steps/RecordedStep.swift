internal import Diffusion
public import Torch

/// A whole optimizer step, from latents to moving average, in fixed buffers and without reading a
/// number before its end. A device with graphs (CUDA) records it once and replays it with one call;
/// others compute it each time.
///
/// For one process and steps of one micro-batch.
public final class RecordedStep {
  /// The numbers of a step.
  public struct Outcome {
    /// The mean loss over the rows.
    public let loss: Double
    /// The squared error in it.
    public let squaredError: Double
    /// The variational bound in it; 0 for a fixed variance.
    public let variationalBound: Double
    /// The gradient's norm before clipping.
    public let gradientNorm: Double
    /// Whether nothing was changed, as a number was not finite.
    public let wasSkipped: Bool
    /// The squared error of each row.
    public let squaredErrors: [Double]
  }

  private let latents: Tensor
  private let labels: Tensor
  private let randomness: StepRandomness
  private let numbers: Tensor
  private let graph: DeviceGraph

  /// Records the step, which changes nothing.
  ///
  /// - Parameters:
  ///   - model: the model to train.
  ///   - optimizer: of all its trained parameters, in one process.
  ///   - config: the recipe.
  ///   - latents: clean latents in the shape of each step, `[N, C, h, w]`, on the model's device.
  ///   - labels: classes, `[N]`, int64.
  ///   - randomness: the random numbers of these rows.
  /// - Throws: `TorchError` if memory does not suffice.
  public init(
    _ model: TrainingModel, _ optimizer: AdamW, config: TrainingConfig, latents: Tensor,
    labels: Tensor, randomness: StepRandomness
  ) throws {
    let device = latents.device
    let buffers = (
      latents: latents.cloned, labels: labels.cloned, randomness: randomness.clonedForLoss
    )
    let numbers = AdamWStep<Double>(
      learningRate: 0, number: 1, lossScale: 1, clipping: 1, emaWeight: 0, skipUpdate: 1
    ).packed.to(device)
    (self.latents, self.labels, self.randomness) = buffers
    self.numbers = numbers
    let rule = UpdateRule(config)
    graph = try withTorchErrors {
      DeviceGraph(on: device) {
        RecordedStep.take(optimizer, rule, numbers: numbers) {
          try model.loss(
            x0: buffers.latents, labels: buffers.labels, randomness: buffers.randomness)
        }
      }
    }
  }

  /// What came of recording it.
  public var recording: DeviceGraph.Recording { graph.recording }

  /// Takes a step; a device that computes by itself continues after this returns.
  ///
  /// - Parameters:
  ///   - latents: clean latents, `[N, C, h, w]`.
  ///   - labels: classes, `[N]`, int64.
  ///   - randomness: the random numbers of these rows.
  ///   - step: the numbers of this step, which computes `clipping` itself.
  /// - Returns: a function that waits for the step and gives its numbers; to be called before the next
  ///   step.
  /// - Throws: `TorchError` if the device fails.
  public func callAsFunction(
    latents: Tensor, labels: Tensor, randomness: StepRandomness, step: AdamWStep<Double>
  ) throws -> () throws -> Outcome {
    let outcome = try withTorchErrors {
      self.latents.copyInPlace(from: latents)
      self.labels.copyInPlace(from: labels)
      self.randomness.copyInPlace(from: randomness)
      numbers.copyInPlace(from: step.packed.sent(to: latents.device))
      return graph()
    }
    return {
      let values = try withTorchErrors { outcome.elements(Double.self) }
      return Outcome(
        loss: values[0], squaredError: values[1], variationalBound: values[2],
        gradientNorm: values[3], wasSkipped: values[4] > 0,
        squaredErrors: Array(values[5...]))
    }
  }

  /// The step itself.
  ///
  /// - Returns: the numbers of `Outcome`, in their order, `[5 + N]`.
  private static func take(
    _ optimizer: AdamW, _ rule: UpdateRule, numbers: Tensor,
    computeLoss: () throws -> TrainingLoss
  ) -> Tensor {
    var step = AdamWStep(packed: numbers)
    optimizer.discardGradients()
    let loss: TrainingLoss
    do {
      loss = try computeLoss()
    } catch {
      report(TorchError(operation: "loss", message: "\(error)"))
      return numbers
    }
    (loss.total * step.lossScale).backward()
    // Nothing may be updated by the gradients of a part.
    guard !hasTorchErrors else { return numbers }
    return withoutGradients {
      let gradients = optimizer.gradients()
      let decision = rule(
        scaledNorm: totalNorm(gradients).to(.float32), loss: loss.total.detached,
        lossScale: step.lossScale, skipUpdate: step.skipUpdate)
      step.skipUpdate = decision.skipUpdate
      if let clipping = decision.clipping { step.clipping = clipping }
      optimizer.step(gradients, step)
      optimizer.discardGradients()
      let whole = stacked([
        loss.total.detached, loss.squaredError.detached.mean(),
        loss.variationalBound?.detached.mean() ?? loss.total.detached * 0, decision.norm,
        decision.skipUpdate,
      ])
      return concatenated([whole, loss.squaredError.detached.to(whole.dtype)])
    }
  }
}
