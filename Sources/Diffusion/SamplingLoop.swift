public import Torch

/// One step that has been taken.
public struct SamplingStep {
  /// The number of the step, from 0.
  public let index: Int
  /// The number of steps; nil if the sampler chooses them on its way.
  public let count: Int?
  /// The share of the way behind the step, 1 at the end.
  public let progress: Double
  /// The time that the step started from.
  public let time: Double
  /// The latents after the step, `[N, C, H, W]`.
  public let latents: Tensor
  /// Whether the latents are the result.
  public let isLast: Bool
  /// The last prediction of the step.
  let prediction: StepPrediction

  /// The data x₀ that the network predicted in this step, guidance included, for a preview: noise is
  /// gone from it long before it is gone from the latents.
  ///
  /// - Returns: `[N, C, H, W]`, in the terms of the latents; of several predictions in a step the last.
  /// - Throws: `TorchError` if memory does not suffice.
  public func predictedData() throws -> Tensor { try prediction.x0() }
}

/// A prediction that is turned into data when it is asked for.
final class StepPrediction {
  private enum State {
    case waiting(Prediction)
    case ready(Tensor)
  }

  private var state: State

  /// A prediction; without one, the latents are the data.
  init(_ prediction: Prediction?, latents: Tensor) {
    state = prediction.map(State.waiting) ?? .ready(latents)
  }

  /// The data, `[N, C, H, W]`.
  func x0() throws -> Tensor {
    switch state {
    case .ready(let data): return data
    case .waiting(let prediction):
      let data = try withTorchErrors { withoutGradients { prediction.x0.cloned } }
      state = .ready(data)
      return data
    }
  }
}

/// The steps from noise to latents, taken as they are asked for: progress, previews and stopping are
/// the caller's.
///
/// No `Sequence`: a step may fail, and each is taken once.
public final class SamplingLoop {
  private var sampler: any Sampler
  private var predictor: Predictor
  private var noise: NoiseSource
  private var networkBatchSize: Int
  private let noiseType: DType
  private let startTime: Double?
  private var latents: Tensor
  private var index = 0
  /// The step before, if the caller still has it.
  private weak var last: StepPrediction?
  /// The class of each image, and what makes a predictor for some classes and the times that are left.
  var binding: (labels: [Int], predictor: ([Int], [Double]) throws -> Predictor)?

  /// Sampling from given latents.
  ///
  /// - Parameters:
  ///   - sampler: at the start of its run.
  ///   - predictor: the network, guidance included.
  ///   - latents: standard normal, `[N, C, H, W]`
  ///   - noise: gives fresh noise, which is sent to the device of the latents.
  ///   - networkBatchSize: the rows of each draw of noise, a multiple of N. With guidance the published
  ///     code of DiT draws 2 N and uses the first N.
  ///   - noiseType: the type in which noise is drawn, float32 or float64.
  public init(
    _ sampler: any Sampler, _ predictor: Predictor, from latents: Tensor, noise: NoiseSource,
    networkBatchSize: Int, noiseType: DType = .float32
  ) {
    self.sampler = sampler
    self.predictor = predictor
    self.latents = latents
    self.noise = noise
    self.networkBatchSize = networkBatchSize
    self.noiseType = noiseType
    startTime = sampler.time
  }

  /// Takes the next step; nil after the last.
  ///
  /// - Throws: `TorchError` if memory does not suffice or the device fails. The step can then be taken
  ///   again, with the same noise.
  public func next() throws -> SamplingStep? {
    guard let time = sampler.time else { return nil }
    // A network may use the memory of its output again.
    _ = try last?.x0()
    let states = try noise.states()
    let predicted: Prediction?
    do {
      (sampler, latents, predicted) = try withTorchErrors { withoutGradients { advanced() } }
    } catch {
      try noise.restore(states)
      throw error
    }
    index += 1
    let prediction = StepPrediction(predicted, latents: latents)
    last = prediction
    return SamplingStep(
      index: index - 1, count: sampler.stepCount, progress: progress(sampler), time: time,
      latents: latents, isLast: sampler.time == nil, prediction: prediction)
  }

  /// The sampler and the latents after the next step, and the last prediction in it.
  private func advanced() -> (any Sampler, Tensor, Prediction?) {
    var sampler = sampler
    let (noise, shape, rows, device) = (noise, latents.shape, networkBatchSize, latents.device)
    let dtype = noiseType
    var predicted: Prediction?
    // A sampler that finds its times on its way tries some of them and goes back.
    let stepTime = sampler.stepCount == nil ? nil : sampler.time
    let result = sampler.step(latents, predictor.inStep(from: stepTime) { predicted = $0 }) {
      noise.draw(
        sampleCount: shape[0], networkBatchSize: rows, shape: Array(shape.dropFirst()), dtype: dtype
      ).to(device)
    }
    return (sampler, result, predicted)
  }

  /// Goes on with some of the images, which come out as they would with the others.
  ///
  /// The networks are bound again, and a cache of features begins anew.
  ///
  /// - Parameter rows: their places among those of now, in ascending order, at least one.
  /// - Returns: whether it does; not if one stream of noise serves all images, or the loop was made of a
  ///   predictor.
  /// - Throws: `TorchError` if memory does not suffice. The loop then goes on with all.
  @discardableResult
  public func keep(_ rows: [Int]) throws -> Bool {
    guard let binding, let noise = noise.keeping(rows) else { return false }
    _ = try last?.x0()
    let labels = rows.map { binding.labels[$0] }
    let (sampler, predictor, latents) = try withTorchErrors {
      try withoutGradients {
        let indices = Tensor(rows.map(Int64.init)).to(self.latents.device)
        var sampler = self.sampler
        sampler.keep(indices)
        return (
          sampler, try binding.predictor(labels, timesLeft), self.latents.gathered(indices)
        )
      }
    }
    networkBatchSize = networkBatchSize / binding.labels.count * rows.count
    (self.sampler, self.predictor, self.noise, self.latents) = (sampler, predictor, noise, latents)
    self.binding?.labels = labels
    return true
  }

  /// The times of the network from the next step on, as far as they are known beforehand.
  private var timesLeft: [Double] {
    guard let time = sampler.time else { return [] }
    let end = predictor.path.dataTime
    return (sampler.networkTimes ?? []).filter { abs($0 - end) <= abs(time - end) }
  }

  /// Takes all steps that are left.
  ///
  /// - Parameter afterEach: called after each step; throws to stop.
  /// - Returns: the latents at the end, `[N, C, H, W]`.
  /// - Throws: `TorchError` if memory does not suffice or the device fails; what `afterEach` throws.
  public func run(_ afterEach: (SamplingStep) throws -> Void = { _ in }) throws -> Tensor {
    while let step = try next() { try afterEach(step) }
    return latents
  }

  /// By steps if their number is known, else by time.
  private func progress(_ sampler: any Sampler) -> Double {
    guard let time = sampler.time, let startTime else { return 1 }
    if let count = sampler.stepCount { return Double(index) / Double(count) }
    return (startTime - time) / (startTime - predictor.path.dataTime)
  }
}
