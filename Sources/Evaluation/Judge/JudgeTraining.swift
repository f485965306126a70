internal import Foundation
internal import ImageData
internal import Layers
internal import Torch

/// Trains the network of a judge: AdamW, a warm-up, then the cosine's learning rates; images are moved by a
/// few pixels each time.
struct JudgeTraining {
  /// Trained images; the pixels of all, `[H, W, 3]` each.
  private let pixels: [[UInt8]]
  private let labels: [Int]
  private let side: Int
  private let seed: UInt64
  private let store: ParameterStore
  private let network: JudgeNetwork

  /// Images of a step.
  private let batchSize: Int
  /// Steps in all.
  let stepCount: Int

  private static let learningRate = 2e-3
  private static let warmupStepCount = 50.0
  private static let weightDecay = 0.05
  private static let smoothing = 0.1

  /// Draws the first weights.
  ///
  /// - Parameters:
  ///   - pixels: the images, `[H, W, 3]` each.
  ///   - labels: their classes.
  ///   - classCount: K.
  ///   - settings: size and seed.
  /// - Throws: `TorchError` if memory does not suffice.
  init(
    _ pixels: [[UInt8]], labels: [Int], classCount: Int, _ settings: JudgeSettings
  ) throws {
    self.pixels = pixels
    self.labels = labels
    side = settings.inputSize
    seed = settings.seed
    batchSize = min(64, pixels.count)
    let sampleCount = settings.sampleCount ?? min(max(100 * pixels.count, 6_400), 100_000)
    stepCount = max(sampleCount / batchSize, 1)
    let store = ParameterStore(.initialize(try Generator(seed: settings.seed)))
    network = try withTorchErrors {
      JudgeNetwork(classCount: classCount, inputSize: settings.inputSize, at: store.root)
    }
    self.store = store
  }

  /// Takes all steps.
  ///
  /// - Parameters:
  ///   - onEvent: told of each step.
  ///   - check: called before each step; throws to stop.
  /// - Returns: the weights by name.
  /// - Throws: `EvaluationError` if the loss is not finite; `TorchError` if memory does not suffice; what
  ///   `check` throws.
  func run(onEvent: (JudgeEvent) -> Void, check: () throws -> Void) throws -> [String: Tensor] {
    let names = store.names.filter(JudgeNetwork.isTrained)
    let parameters = names.compactMap { store[$0] }
    parameters.forEach { $0.requiresGradient = true }
    let moments = parameters.map { (first: Tensor.zeros($0.shape), second: Tensor.zeros($0.shape)) }
    var order = SampleOrder(imageCount: pixels.count, epochLength: pixels.count, seed: seed)
    let shifts = try Generator(seed: seed &+ 1)
    for step in 1...stepCount {
      try check()
      let batch = (0..<batchSize).map { place in
        let (epoch, place) = order.place(at: (step - 1) * batchSize + place)
        return epoch.image(at: place)
      }
      let loss = try withTorchErrors {
        let images = shifted(batch, generator: shifts)
        let loss = crossEntropy(
          network.logits(network.features(images, isTraining: true)),
          labels: Tensor(batch.map { labels[$0] }), smoothing: Self.smoothing)
        loss.backward()
        let slots = zip(parameters, moments).map { parameter, moments in
          OptimizerSlot(
            parameter: parameter.detached,
            gradient: (parameter.gradient ?? .zeros(parameter.shape)).contiguous,
            firstMoment: moments.first, secondMoment: moments.second, ema: nil,
            weightDecay: parameter.rank > 1 ? Self.weightDecay : 0)
        }
        withoutGradients {
          adamWInPlace(
            slots, AdamWCoefficients(beta1: 0.9, beta2: 0.99, epsilon: 1e-8),
            step: AdamWStep<Double>(
              learningRate: learningRate(at: step), number: Double(step), lossScale: 1, clipping: 1,
              emaWeight: 0, skipUpdate: 0))
        }
        parameters.forEach { $0.gradient = nil }
        return loss.item
      }
      guard loss.isFinite else {
        throw EvaluationError(.nonFinite, "the loss of the judge is not finite at step \(step)")
      }
      onEvent(.training(step: step, of: stepCount, loss: loss))
    }
    return store.stateDict.mapValues(\.detached)
  }

  private func learningRate(at step: Int) -> Double {
    let share = Double(step - 1) / Double(stepCount)
    return Self.learningRate * min(Double(step) / Self.warmupStepCount, 1) * (1 + cos(.pi * share))
      / 2
  }

  /// Images moved by up to a sixteenth of their side; their borders are repeated.
  private func shifted(_ batch: [Int], generator: Generator) -> Tensor {
    let most = side / 16
    let moves = Tensor.randint(-most..<most + 1, [batch.count, 2], generator: generator)
      .elements(Int.self)
    let result = Tensor.empty([batch.count, side, side, 3], dtype: .uint8)
    result.withUnsafeMutableBytes { bytes in
      for (index, image) in batch.enumerated() {
        pixels[image].withUnsafeBytes { source in
          for y in 0..<side {
            let row = min(max(y + moves[2 * index], 0), side - 1)
            Self.copyRow(
              UnsafeRawBufferPointer(rebasing: source[3 * side * row..<3 * side * (row + 1)]),
              movedBy: moves[2 * index + 1],
              to: UnsafeMutableRawBufferPointer(
                rebasing: bytes[3 * side * (side * index + y)..<3 * side * (side * index + y + 1)]))
          }
        }
      }
    }
    return Judge.input(result)
  }

  /// Copies a row of pixels from `move` pixels on; its ends are repeated.
  private static func copyRow(
    _ source: UnsafeRawBufferPointer, movedBy move: Int, to target: UnsafeMutableRawBufferPointer
  ) {
    let count = source.count / 3
    let inner = max(-move, 0)..<min(count - move, count)
    for x in 0..<inner.lowerBound { target[3 * x..<3 * x + 3].copyBytes(from: source[0..<3]) }
    target[3 * inner.lowerBound..<3 * inner.upperBound].copyBytes(
      from: source[3 * (inner.lowerBound + move)..<3 * (inner.upperBound + move)])
    for x in inner.upperBound..<count {
      target[3 * x..<3 * x + 3].copyBytes(from: source[(3 * count - 3)...])
    }
  }
}
