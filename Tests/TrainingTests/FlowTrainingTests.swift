internal import Diffusion
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Training

/// Training of a flow against `training-flow.safetensors`.
@Suite struct FlowTrainingTests {
  private func trainer(
    _ values: GoldenValues, _ change: (inout TrainingConfig) -> Void = { _ in }
  ) throws -> Trainer {
    let batches = (0..<6).map { (values["steps.x0"][$0], values["steps.y"][$0]) }
    return try goldenTrainer(GivenLatents(batches), stepCount: 6, of: "dit-fixed") {
      $0.schedule = LearningRateSchedule(start: 1e-3)
      $0.emaDecay = 0.9
      $0.batchSize = 4
      $0.objective = .flow(Flow(), weighting: .none)
      change(&$0)
    }
  }

  private func randomness(_ values: GoldenValues, _ step: Int) -> StepRandomness {
    StepRandomness(
      posteriorNoise: nil, times: values["steps.t"][step], noise: values["steps.noise"][step],
      labelDropMask: Tensor([false, false, false, false]))
  }

  /// All ways of taking a step, a recorded one among them.
  @Test(arguments: [(Recompute.none, false), (.all, false), (.none, true)])
  func takesTheReferenceSteps(_ recompute: Recompute, _ isRecorded: Bool) throws {
    let values = try GoldenValues("training-flow")
    let trainer = try trainer(values) {
      $0.recompute = recompute
      $0.recordsSteps = isRecorded
    }
    let losses = try (0..<6).map { step in
      try trainer.takeStep(randomness: randomness(values, step)).loss
    }
    for (step, (loss, expected)) in zip(losses, values["losses"].elements(Double.self)).enumerated()
    {
      #expect(abs(loss - expected) < Tolerance.float32 * expected, "step \(step)")
    }
  }

  @Test func hasEveryReferenceGradient() throws {
    let values = try GoldenValues("training-flow")
    let trainer = try trainer(values)
    let loss = try trainer.model.loss(
      x0: values["steps.x0"][0], labels: values["steps.y"][0],
      randomness: randomness(values, 0))
    loss.total.backward()
    let expected = values.tensors("gradients.")
    #expect(expected.count == trainer.model.trained.count)
    for (name, tensor) in trainer.model.trained {
      let (gradient, reference) = (try #require(tensor.gradient), try #require(expected[name]))
      #expect(
        relativeError(comparable(gradient, name), comparable(reference, name))
          < Tolerance.float32, "\(name)")
    }
  }

  /// LightningDiT's recipe on a small LightningDiT: both losses, betas 0.9 and 0.95.
  @Test(arguments: [(Recompute.none, false), (.all, false), (.none, true)])
  func takesTheReferenceStepsOfLightningDiT(_ recompute: Recompute, _ isRecorded: Bool) throws {
    let values = try GoldenValues("lightning/training")
    let batches = (0..<6).map { (values["steps.x0"][$0], values["steps.y"][$0]) }
    let trainer = try goldenTrainer(
      GivenLatents(batches), stepCount: 6, of: "lightning/training"
    ) {
      $0.schedule = LearningRateSchedule(start: 1e-3)
      $0.beta2 = 0.95
      $0.batchSize = 4
      $0.objective = .flow(Flow(), weighting: .none, directionWeight: 1)
      $0.recompute = recompute
      $0.recordsSteps = isRecorded
    }
    if recompute == .none, !isRecorded {
      try trainer.model.loss(
        x0: values["steps.x0"][0], labels: values["steps.y"][0], randomness: randomness(values, 0)
      ).total.backward()
      let expected = values.tensors("gradients.")
      #expect(expected.count == trainer.model.trained.count)
      for (name, tensor) in trainer.model.trained {
        let (gradient, reference) = (try #require(tensor.gradient), try #require(expected[name]))
        // Without QK-norm the bias of keys matters: rotations turn it.
        #expect(relativeError(gradient, reference) < Tolerance.float32, "\(name)")
      }
      trainer.optimizer.discardGradients()
    }
    for step in 0..<6 {
      let report = try trainer.takeStep(randomness: randomness(values, step))
      for (value, name) in [(report.loss, "losses"), (report.squaredError, "errors")] {
        let expected = values[name].elements(Double.self)[step]
        #expect(abs(value - expected) < Tolerance.float32 * expected, "\(name), step \(step)")
      }
    }
  }

  @Test func drawsTimesBetweenNoiseAndData() throws {
    var config = TrainingConfig()
    config.objective = .flow(Flow(), weighting: .none)
    let times = StepRandomness(
      shape: [64, 4, 8, 8], hasPosterior: false, config: config, generator: try Generator(seed: 1)
    ).times
    #expect(times.dtype == .float32 && times.shape == [64])
    let values = times.elements(Float.self)
    #expect(values.allSatisfy { (0...1).contains($0) } && Set(values).count > 60)
  }

  /// The first half of each patch's channels is the prediction.
  @Test func leavesOutTheVarianceOfAPretrainedModel() throws {
    let golden = try GoldenValues("dit-even")
    var config = try golden.config.model
    let whole = DiT(config, at: ParameterStore(.load(golden.weights)).root)
    config.learnsVariance = false
    var notes: [String] = []
    let (model, _) = try InitialWeights.makeModel(
      config, from: PretrainedWeights(path: "x", tensors: golden.weights, classNames: []),
      classNames: (0..<config.classCount).map(String.init), seed: 1, device: .cpu
    ) { notes.append($0) }
    let (x, t, y) = (golden["x"], golden["t"], golden["y"])
    let expected = withoutGradients { whole(x, t: t, y: y) }
    let mean = expected.narrowed(axis: 1, start: 0, count: config.channelCount)
    let output = withoutGradients { model(x, t: t, y: y) }
    #expect(relativeError(output, mean) < Tolerance.float32)
    #expect(notes == ["the variance that the checkpoint learns is left out"])
  }
}
