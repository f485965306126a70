internal import Layers

extension MeanFlowConfig {
  /// The network's shapes, without storage.
  package var shapes: MeanFlow { MeanFlow(self, at: ParameterStore(.shapes).root) }

  /// The size of all parameters.
  public var parameterCount: Int {
    let store = ParameterStore(.shapes)
    _ = MeanFlow(self, at: store.root)
    return store.elementCount
  }

  /// Multiply-adds of the average velocity for one image: the whole network but the head of the
  /// instantaneous one. Guidance is an input and costs nothing more.
  public var multiplyAddCount: Double {
    let network = shapes
    let prefix = network.prefix
    let embeddings = [prefix.time, prefix.guidance, prefix.low, prefix.high].reduce(0) {
      $0 + $1.multiplyAdds
    }
    let blocks = network.sharedBlocks + network.averageHead.blocks
    return network.patchEmbed.projection.multiplyAdds(pixelCount: patchCount) + embeddings
      + blocks.reduce(0) { $0 + $1.branches.multiplyAdds(tokenCount: tokenCount) }
      + network.averageHead.finalLayer.linear.multiplyAdds(tokenCount: patchCount)
  }
}
