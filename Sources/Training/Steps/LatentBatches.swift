internal import Models
internal import Torch

/// The micro-batches of a rank on its device, the next one fetched while the device computes.
final class LatentBatches {
  private let data: any TrainingData
  private let codec: LatentCodec
  private let device: Device
  private let prefetches: Bool
  /// The next micro-batch, or why there is none.
  private var prefetched: Result<TrainingBatch, any Error>?

  /// The micro-batches of some data.
  ///
  /// - Parameters:
  ///   - data: images or cached latents.
  ///   - codec: encodes images.
  ///   - device: of the model.
  ///   - prefetches: whether `prefetch` does anything.
  init(_ data: any TrainingData, codec: LatentCodec, device: Device, prefetches: Bool) {
    self.data = data
    self.codec = codec
    self.device = device
    self.prefetches = prefetches
  }

  /// Whether encoding draws noise.
  var hasPosterior: Bool { data.hasPosterior }

  /// The next micro-batch.
  ///
  /// - Throws: what the data throw.
  func next() throws -> TrainingBatch {
    guard let prefetched else { return try data.next().sent(to: device) }
    self.prefetched = nil
    return try prefetched.get()
  }

  /// Fetches the next micro-batch; a GPU computes by itself until a number is asked for.
  func prefetch() {
    guard prefetches else { return }
    prefetched = Result { try data.next().sent(to: device) }
  }

  /// Forgets what was prefetched, before the data go to another position.
  func discardPrefetched() { prefetched = nil }

  /// The scaled latents of a micro-batch.
  ///
  /// - Parameters:
  ///   - batch: images or moments.
  ///   - noise: of the posterior; nil for its mean.
  /// - Returns: `[N, C, h, w]`, clean.
  func latents(of batch: TrainingBatch, noise: Tensor?) -> Tensor {
    switch batch.content {
    case .images(let images):
      return codec.encode(images, noise: noise)
    case .moments(let mean, let logVariance):
      return codec.scaling.scaled(
        LatentDistribution(mean: mean, logVariance: logVariance), noise: noise)
    }
  }
}
