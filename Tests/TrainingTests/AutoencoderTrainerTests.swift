internal import Models
internal import Testing
internal import Torch
internal import Training

@Suite struct AutoencoderTrainerTests {
  /// Colored stripes of random phases.
  private struct Stripes: TrainingData {
    let classNames: [String] = []
    let imageCount = 8
    let hasPosterior = false
    let images: Tensor

    /// Of a height and width.
    init(size: Int = 16) throws {
      let phases = Tensor.rand([8, 3, 1, 1], generator: try Generator(seed: 5)) * 6
      let places = Tensor((0..<size).map { Float($0) * 0.7 }).reshaped([1, 1, 1, size])
      images = (phases + places).sine + Tensor.zeros([8, 3, size, size])
    }

    func seek(sampleCount: Int) {}
    func next() -> TrainingBatch { TrainingBatch(.images(images), labels: Tensor([0])) }
  }

  private func trainer(steps: Int, size: Int = 16) throws -> (AutoencoderTrainer, [Double]) {
    var config = AutoencoderTrainingConfig()
    config.schedule = LearningRateSchedule(start: 3e-3)
    config.optimizer.emaDecay = 0.9
    let trainer = try AutoencoderTrainer(
      TinyAutoencoderConfig(widths: [8, 16], latentChannelCount: 4, blockCount: 1),
      config: config, data: try Stripes(size: size), stepCount: steps, device: .cpu)
    return (trainer, try (0..<steps).map { _ in try trainer.takeStep().signalToNoise })
  }

  @Test func learnsPicturesAndScalesLatents() throws {
    let (trainer, ratios) = try trainer(steps: 120)
    #expect(ratios[119] > ratios[0] + 10, "\(ratios[0]) to \(ratios[119]) dB")
    let latents = trainer.autoencoder.encode(try Stripes().images).mean.detached
    let mean = latents.mean(axes: [0, 2, 3])
    let square = latents.squared.mean(axes: [0, 2, 3])
    for (mean, square) in zip(mean.elements(Float.self), square.elements(Float.self)) {
      #expect(abs(mean) < 0.3 && abs((square - mean * mean).squareRoot() - 1) < 0.3)
    }
  }

  @Test func throwsForImagesThatCannotBeHalved() throws {
    #expect(throws: TorchError.self) { try trainer(steps: 1, size: 17) }
  }

  @Test func aSeedGivesTheSameWeights() throws {
    let weights = try (0..<2).map { _ in try trainer(steps: 3).0.weights }
    for (a, b) in zip(weights[0], weights[1]) {
      #expect(a.name == b.name && a.tensor.elements(Float.self) == b.tensor.elements(Float.self))
    }
  }
}
