internal import Diffusion
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Training

/// Training to average velocities against `training-meanflow.safetensors`.
@Suite struct MeanFlowTrainingTests {
  private static let settings = MeanFlowSettings(
    spanShare: 0.6, guidanceScale: 1.3, guidanceMixing: 0.4, weightPower: 0.75, weightOffset: 0.02)
  private let values: GoldenValues

  init() throws { values = try GoldenValues("training-meanflow") }

  private func trainer(_ change: (inout TrainingConfig) -> Void = { _ in }) throws -> Trainer {
    let batches = (0..<5).map { (values["steps.x0"][$0], values["steps.y"][$0]) }
    return try goldenTrainer(GivenLatents(batches), stepCount: 5, of: "training-meanflow") {
      $0.schedule = LearningRateSchedule(start: 1e-3)
      $0.batchSize = 5
      $0.objective = .meanFlow(MeanFlowTrainingTests.settings)
      change(&$0)
    }
  }

  private func randomness(_ step: Int) -> StepRandomness {
    StepRandomness(
      posteriorNoise: nil, times: values["steps.s"][step], spans: values["steps.h"][step],
      noise: values["steps.noise"][step], labelDropMask: values["steps.dropped"][step])
  }

  @Test(arguments: [Recompute.none, .all])
  func takesTheReferenceSteps(_ recompute: Recompute) throws {
    let trainer = try trainer { $0.recompute = recompute }
    for (step, expected) in values["losses"].elements(Double.self).enumerated() {
      let report = try trainer.takeStep(randomness: randomness(step))
      #expect(abs(report.loss - expected) < Tolerance.float32 * expected, "step \(step)")
    }
  }

  @Test func hasEveryReferenceGradient() throws {
    let trainer = try trainer()
    let loss = try trainer.model.loss(
      x0: values["steps.x0"][0], labels: values["steps.y"][0], randomness: randomness(0))
    #expect(relativeError(loss.squaredError, values["rows"][0]) < Tolerance.float32)
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

  @Test func hasTheReferenceDerivative() throws {
    let dit = DiT(try values.config.model, at: ParameterStore(.load(values.weights)).root)
    let (x, s, h) = (values["steps.noise"][0], values["steps.s"][0], values["steps.h"][0])
    let (output, derivative) = try directionalDerivative(
      of: { dit($0[0], t: $0[1], y: values["steps.y"][0], span: $0[2]) }, at: [x, s, h],
      along: [values["steps.x0"][0], s * 0 + 1, s * 0 - 1])
    #expect(relativeError(output, values["output"]) < Tolerance.float32)
    #expect(relativeError(derivative, values["derivative"]) < Tolerance.float32)
  }

  @Test func drawsStepsTowardsData() throws {
    var config = TrainingConfig()
    config.objective = .meanFlow(MeanFlowSettings(spanShare: 0.25))
    let drawn = StepRandomness(
      shape: [2000, 1, 2, 2], hasPosterior: false, config: config,
      generator: try Generator(seed: 1))
    let times = drawn.times.elements(Float.self)
    let spans = try #require(drawn.spans).elements(Float.self)
    let isInside = zip(times, spans).allSatisfy { (time: Float, span: Float) in
      time >= 0 && span >= 0 && time + span <= 1.00001
    }
    let count = spans.count { $0 > 0 }
    // The smaller of two uniform numbers has mean 1/3.
    let mean: Float = times.reduce(0, +) / 2000
    #expect(isInside && (400...600).contains(count))
    #expect((0.31...0.36).contains(mean))
    let slice = drawn.slice(3..<5, on: .cpu)
    #expect(slice.spans?.elements(Float.self) == Array(spans[3..<5]))
  }

  /// A flow's weights with no embedder of spans: the model begins as that flow.
  @Test func startsFromAFlow() throws {
    let config = try values.config.model
    var flow = config
    flow.hasSpan = false
    let weights = values.weights.filter { !$0.key.hasPrefix("h_embedder.") }
    let (model, _) = try InitialWeights.makeModel(
      config, from: PretrainedWeights(path: "x", tensors: weights, classNames: []),
      classNames: (0..<config.classCount).map(String.init), seed: 1, device: .cpu)
    let (x, s, y) = (values["steps.noise"][0], values["steps.s"][0], values["steps.y"][0])
    let expected = DiT(flow, at: ParameterStore(.load(weights)).root)(x, t: s, y: y)
    let output = model(x, t: s, y: y, span: values["steps.h"][0])
    #expect(relativeError(output, expected) < Tolerance.float32)
  }
}
