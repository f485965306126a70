extension DiTConfig {
  /// Multiply-adds of one forward pass of one row: the "Gflops" of Peebles & Xie 2023, table 1.
  public var multiplyAdds: Int {
    let (t, d) = (tokenCount, hiddenSize)
    let patchArea = patchSize * patchSize
    let block = t * (4 * d * d + 2 * mlpRatio * d * d) + 2 * t * t * d + 6 * d * d
    let ends = t * patchArea * d * (channelCount + outputChannelCount) + 2 * d * d
    return depth * block + ends + 256 * d + d * d
  }
}
