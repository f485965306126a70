public import Pipeline

/// The model of an `ImageService`, and the limits of its work.
public struct ServiceSettings: Sendable {
  /// The model, and what requests leave open: sampler, steps, guidance, seed.
  public var sampling: SamplingSettings
  /// Images that are drawn together, 1 or more.
  public var batchSize: Int
  /// Jobs that may wait, 0 or more; those that run do not count.
  public var queueLimit: Int
  /// Images of one job, 1 or more.
  public var imageLimit: Int
  /// Models that draw at the same time, each with weights of its own, 1 or more.
  public var workerCount: Int
  /// How long results are kept.
  public var resultLifetime: Duration
  /// Bytes of images that are kept; the oldest go first.
  public var resultByteLimit: Int
  /// The file of a small autoencoder that decodes previews; nil for a linear map of the latents.
  public var previewAutoencoder: String?

  /// Settings; without arguments those of the built-in model.
  public init(
    sampling: SamplingSettings = SamplingSettings(), batchSize: Int? = nil, queueLimit: Int = 64,
    imageLimit: Int = 16, workerCount: Int = 1, resultLifetime: Duration = .seconds(600),
    resultByteLimit: Int = 256 << 20, previewAutoencoder: String? = nil
  ) {
    self.sampling = sampling
    self.batchSize = batchSize ?? sampling.batchSize ?? SamplingSettings.defaultBatchSize
    self.queueLimit = queueLimit
    self.imageLimit = imageLimit
    self.workerCount = workerCount
    self.resultLifetime = resultLifetime
    self.resultByteLimit = resultByteLimit
    self.previewAutoencoder = previewAutoencoder
  }
}
