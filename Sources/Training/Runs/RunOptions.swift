/// When a run saves and shows pictures.
public struct RunOptions: Sendable {
  /// Steps from one checkpoint to the next.
  public var saveInterval: Int
  /// Checkpoints that stay.
  public var keepCount: Int
  /// Steps from one grid of samples to the next; nil for none.
  public var sampleInterval: Int?
  /// Steps from one line of metrics to the next.
  public var logInterval: Int

  /// Options.
  public init(
    saveInterval: Int, keepCount: Int = 3, sampleInterval: Int? = nil, logInterval: Int = 1
  ) {
    self.saveInterval = saveInterval
    self.keepCount = keepCount
    self.sampleInterval = sampleInterval
    self.logInterval = logInterval
  }
}
