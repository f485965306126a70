public import Layers

extension DiTConfig {
  /// The model's shapes, without storage.
  package var shapes: DiT { DiT(self, at: ParameterStore(.shapes).root) }

  /// The size of all parameters, the position embedding included.
  public var parameterCount: Int {
    let store = ParameterStore(.shapes)
    _ = DiT(self, at: store.root)
    return store.elementCount
  }

  /// Multiply-adds of one forward pass of one image without guidance.
  ///
  /// Peebles & Xie 2023, table 4, has them as "Gflops".
  public var multiplyAddCount: Double { shapes.multiplyAddCount }
}

extension DiTNetwork where Layer == Linear {
  /// Multiply-adds of one forward pass of one image without guidance.
  public var multiplyAddCount: Double {
    let tokens = config.tokenCount
    return patchEmbed.projection.multiplyAdds(pixelCount: tokens)
      + timestepEmbed.multiplyAdds + (spanEmbed?.multiplyAdds ?? 0)
      + blocks.reduce(0) { $0 + $1.multiplyAdds(tokenCount: tokens) }
      + finalLayer.linear.multiplyAdds(tokenCount: tokens)
      + finalLayer.modulation.linear.multiplyAdds(tokenCount: 1)
  }
}

extension DiTBlock where Layer == Linear {
  /// Multiply-adds for one image.
  func multiplyAdds(tokenCount: Int) -> Double {
    branches.multiplyAdds(tokenCount: tokenCount) + modulation.linear.multiplyAdds(tokenCount: 1)
  }
}
