/// The recipe by which a small autoencoder is trained.
public struct AutoencoderTrainingConfig: Sendable {
  /// Images of a step.
  public var batchSize = 16
  /// The seed of weights and noise.
  public var seed: UInt64 = 3407
  /// The learning rate over the steps.
  public var schedule = LearningRateSchedule(start: 2e-3)
  /// AdamW and the moving average.
  public var optimizer = AdamWConfig()

  /// A constant rate, and no moving average.
  public init() {}
}
