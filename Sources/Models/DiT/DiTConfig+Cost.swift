internal import Layers

extension DiTConfig {
  /// The numbers in all parameters, the position embedding included.
  public var parameterCount: Int {
    let store = ParameterStore(.shapes)
    _ = DiT(self, at: store.root)
    return store.elementCount
  }

  /// Those of them in the linear layers of the blocks, without the modulation.
  public var blockLinearParameterCount: Int {
    depth * ((4 + 2 * mlpRatio) * hiddenSize * hiddenSize + (5 + mlpRatio) * hiddenSize)
  }

  /// Multiply-adds of one forward pass of one image without guidance.
  ///
  /// Peebles & Xie 2023, table 4, has them as "Gflops".
  public var multiplyAddCount: Double {
    let (t, d) = (Double(tokenCount), Double(hiddenSize))
    let pixels = Double(patchSize * patchSize)
    let embedders = t * d * Double(channelCount) * pixels + 256 * d + d * d
    // Projections and MLP, the two products of attention, and the modulation.
    let block = t * d * d * Double(4 + 2 * mlpRatio) + 2 * t * t * d + 6 * d * d
    let last = t * d * pixels * Double(outputChannelCount) + 2 * d * d
    return embedders + Double(depth) * block + last
  }
}
