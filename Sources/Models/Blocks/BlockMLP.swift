public import Layers

/// The pointwise feed-forward part of a block.
public enum BlockMLP<Layer: LinearLayer> {
  /// Two layers with GELU between them.
  case gelu(MLP<Layer>)
  /// A gated MLP.
  case swiGLU(SwiGLU<Layer>)

  /// The layer that reads the tokens, or the first of two.
  public var first: Layer {
    switch self {
    case .gelu(let mlp): mlp.fc1
    case .swiGLU(let mlp): mlp.first
    }
  }

  /// `[..., D]` to `[..., D]`
  public func callAsFunction(_ x: Layer.Stream.Activations) -> Layer.Stream.BranchOutput {
    switch self {
    case .gelu(let mlp): mlp(x)
    case .swiGLU(let mlp): mlp(x)
    }
  }

  /// The linear layers by name, in the order of the parameters.
  var linearLayers: [(name: BlockLayer, layer: Layer)] {
    switch self {
    case .gelu(let mlp): [(.fc1, mlp.fc1), (.fc2, mlp.fc2)]
    case .swiGLU(let mlp):
      switch mlp.input {
      case .joined(let input): [(.w12, input), (.w3, mlp.output)]
      case .apart(let gate, let value): [(.w1, gate), (.w3, value), (.w2, mlp.output)]
      }
    }
  }
}

extension BlockMLP where Layer == Linear {
  /// Makes the layers of a configuration.
  init(_ config: DiTConfig, at scope: Scope) {
    let (width, hidden) = (config.hiddenSize, config.mlpWidth)
    self =
      switch config.block.mlp {
      case .gelu: .gelu(MLP(width, hidden: hidden, at: scope))
      case .swiGLU: .swiGLU(SwiGLU(joined: width, hidden: hidden, at: scope))
      case .swiGLUApart: .swiGLU(SwiGLU(apart: width, hidden: hidden, at: scope))
      }
  }

  /// The same with one layer that reads the tokens.
  var joined: BlockMLP {
    guard case .swiGLU(let mlp) = self else { return self }
    return .swiGLU(mlp.joined)
  }

  /// Makes other linear layers of the joined part's, with a number of gated hidden values that is a
  /// multiple of another.
  func map<Other: LinearLayer, Failure: Error>(
    paddedToMultipleOf multiple: Int, _ transform: (BlockLayer, Linear) throws(Failure) -> Other
  ) throws(Failure) -> BlockMLP<Other> {
    switch self {
    case .gelu(let mlp):
      return .gelu(
        MLP<Other>(fc1: try transform(.fc1, mlp.fc1), fc2: try transform(.fc2, mlp.fc2)))
    case .swiGLU(let mlp):
      let isJoined = if case .joined = mlp.input { true } else { false }
      let joined = mlp.padded(toMultipleOf: multiple)
      let input = try transform(.w12, joined.first)
      return .swiGLU(
        SwiGLU<Other>(
          input: .joined(input), output: try transform(isJoined ? .w3 : .w2, joined.output)))
    }
  }

  /// Multiply-adds for `tokenCount` tokens.
  func multiplyAdds(tokenCount: Int) -> Double {
    switch self {
    case .gelu(let mlp): mlp.multiplyAdds(tokenCount: tokenCount)
    case .swiGLU(let mlp): mlp.multiplyAdds(tokenCount: tokenCount)
    }
  }
}
