public import Layers
public import Torch

// N batch, T tokens, D width.

/// A block of improved MeanFlow: RMSNorms, attention with rotated queries and keys, a gated MLP, and a
/// scale for each channel of what is added.
public struct MeanFlowBlock<Layer: LinearLayer> {
  /// Attention and the MLP.
  public let branches: TransformerBlock<Layer>
  /// Scales attention, `[D]`.
  public let attentionScale: Tensor
  /// Scales the MLP, `[D]`.
  public let mlpScale: Tensor

  /// A block of existing parts.
  package init(
    _ branches: TransformerBlock<Layer>, attentionScale: Tensor, mlpScale: Tensor
  ) {
    self.branches = branches
    self.attentionScale = attentionScale
    self.mlpScale = mlpScale
  }

  /// Shift, scale and gate for attention, then for the MLP, as a `ResidualStream` takes them, `[D]` each.
  package var vectors: [Tensor] {
    branches.norm1.vectors(like: attentionScale) + [attentionScale]
      + branches.norm2.vectors(like: mlpScale) + [mlpScale]
  }
}

extension TokenNorm {
  /// The shift and the scale of a norm that no condition modulates, `[D]` each.
  func vectors(like vector: Tensor) -> [Tensor] {
    let zeros = Tensor.zeros(vector.shape, dtype: vector.dtype, device: vector.device)
    return [zeros, absorbed(into: zeros)]
  }
}

extension MeanFlowBlock where Layer == Linear {
  /// Makes `attn_scale`, `mlp_scale`, `norm1`, `attn`, `norm2`, `mlp`.
  ///
  /// - Parameters:
  ///   - config: the shape of the network.
  ///   - positions: those of `config.rotaryPositions(on:)`.
  ///   - scope: the scope of the names.
  public init(_ config: MeanFlowConfig, positions: RotaryPositions, at scope: Scope) {
    let (width, hidden) = (config.hiddenSize, config.mlpWidth)
    func layer(_ inputs: Int, _ outputs: Int, _ scope: Scope) -> Linear {
      Linear(flax: inputs, outputs, gain: 0.32, bias: nil, at: scope)
    }
    attentionScale = scope.parameter("attn_scale", [width], .zeros)
    mlpScale = scope.parameter("mlp_scale", [width], .zeros)
    let norm1 = TokenNorm(.rms, width, at: scope / "norm1")
    let attention = scope / "attn"
    let input = Attention<Linear>.Input.apart(
      query: layer(width, width, attention / "q_proj"),
      key: layer(width, width, attention / "k_proj"),
      value: layer(width, width, attention / "v_proj"))
    let projection = layer(width, width, attention / "out_proj")
    let norms = (
      query: HeadNorm(.rms, config.headWidth, at: attention / "q_norm"),
      key: HeadNorm(.rms, config.headWidth, at: attention / "k_norm")
    )
    let norm2 = TokenNorm(.rms, width, at: scope / "norm2")
    let mlp = scope / "mlp"
    let gates = SwiGLU<Linear>.Input.apart(
      gate: layer(width, hidden, mlp / "w1"), value: layer(width, hidden, mlp / "w3"))
    branches = TransformerBlock(
      norm1: norm1, norm2: norm2,
      attention: Attention(
        input: input, projection: projection, headCount: config.headCount,
        form: QueryKeyForm(norms: norms, positions: positions)),
      mlp: .swiGLU(SwiGLU(input: gates, output: layer(hidden, width, mlp / "w2"))))
  }

  /// Applies the block to plain tokens, `[N, T, D]` to `[N, T, D]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    var stream = PlainStream(x)
    branches(&stream, modulatedBy: vectors.map { $0.perImage(of: x) })
    return stream.sum()
  }
}

extension Tensor {
  /// One vector `[D]` for each image of tokens `[N, T, D]`: `[N, 1, D]`.
  func perImage(of tokens: Tensor) -> Tensor {
    expanded(to: [tokens.size(0), 1, tokens.size(2)])
  }
}

extension Linear {
  /// A layer under the names of the published network, which keeps the layers of its Flax original in a
  /// module of their own. Weights are normal with deviation gain / √inputs.
  init(
    flax inputCount: Int, _ outputCount: Int, gain: Double = 1, bias: Initializer? = .zeros,
    at scope: Scope
  ) {
    let deviation = gain / Double(inputCount).squareRoot()
    self.init(
      inputCount, outputCount, at: scope / "_flax_linear",
      weight: .normal(standardDeviation: deviation), bias: bias)
  }
}
