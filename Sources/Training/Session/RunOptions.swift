/// When a run saves checkpoints, draws samples and writes metrics.
public struct RunOptions: Sendable {
  /// Steps from one checkpoint to the next.
  public var saveInterval: Int
  /// The number of checkpoints that are kept.
  public var keepCount: Int
  /// Steps from one sample grid to the next; nil for none.
  public var sampleInterval: Int?
  /// Steps from one line of metrics to the next.
  public var logInterval: Int

  /// Options with the usual defaults.
  public init(
    saveInterval: Int, keepCount: Int = 3, sampleInterval: Int? = nil, logInterval: Int = 1
  ) {
    self.saveInterval = saveInterval
    self.keepCount = keepCount
    self.sampleInterval = sampleInterval
    self.logInterval = logInterval
  }
}
