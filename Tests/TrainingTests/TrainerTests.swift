internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch
internal import Training

@Suite struct TrainerTests {
  /// The same latents for every step.
  private struct Latents: TrainingData {
    let shape: [Int]
    let classNames = ["a", "b"]
    let hasPosterior = false
    var imageCount: Int { shape[0] }

    func seek(sampleCount: Int) {}

    func next() -> TrainingBatch {
      TrainingBatch(
        .moments(mean: .ones(shape), logVariance: nil),
        labels: .zeros([shape[0]], dtype: .int64))
    }
  }

  private func trainer() throws -> Trainer {
    let golden = try GoldenValues("dit-even")
    let store = ParameterStore(.load(golden.weights.mapValues(\.cloned)))
    let dit = DiT(try golden.config.model, at: store.root)
    var config = TrainingConfig()
    config.batchSize = 2
    let model = TrainingModel(dit, store, config: config, device: .cpu)
    let size = dit.config.inputSize
    return try Trainer(
      model, config: config, data: Latents(shape: [2, dit.config.channelCount, size, size]),
      codec: LatentCodec(nil), stepCount: 3, device: .cpu)
  }

  private func values(_ tensors: [Tensor]) -> [[Float]] { tensors.map { $0.elements(Float.self) } }

  @Test func changesNothingOfACheckpointBeforeItSaysSo() throws {
    let trainer = try trainer()
    let optimizer = trainer.optimizer
    let kept = [
      optimizer.parameters, optimizer.firstMoments, optimizer.secondMoments, optimizer.averages,
    ]
    _ = try trainer.takeStep()
    let before = kept.map(values)
    var then: [[[Float]]] = []
    _ = try trainer.takeStep(beforeUpdate: { then = kept.map(values) })
    #expect(then == before)
    for (after, before) in zip(kept.map(values), before) { #expect(after != before) }
  }
}
