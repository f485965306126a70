public import Layers
public import Torch

// D width.

/// A block of a DINOv2: attention, then the MLP, each on a norm of the tokens and scaled before it is
/// added (LayerScale, Touvron et al. 2021).
public struct DINOv2Block<Layer: LinearLayer> {
  /// Before attention.
  public let norm1: LayerNorm
  /// Self-attention.
  public let attention: Attention<Layer>
  /// Scales attention, `[D]`.
  public let scale1: Tensor
  /// Before the MLP.
  public let norm2: LayerNorm
  /// The pointwise feed-forward part, with the exact GELU.
  public let mlp: MLP<Layer>
  /// Scales the MLP, `[D]`.
  public let scale2: Tensor

  /// Adds attention, then the MLP to the tokens.
  ///
  /// - Parameters:
  ///   - x: the tokens.
  ///   - m: shift, scale and gate for attention, then for the MLP; see `DINOv2Network.vectors`.
  package func callAsFunction(_ x: inout Layer.Stream, _ m: [Layer.Stream.Vector]) {
    x.add(attention(x.normalized(shift: m[0], scale: m[1], for: attention.first)), gate: m[2])
    x.add(mlp(x.normalized(shift: m[3], scale: m[4], for: mlp.fc1)), gate: m[5])
  }

  /// Makes other linear layers of the block's, such as packed ones.
  ///
  /// - Parameter transform: called for each layer in order.
  /// - Returns: the block over those layers, with the same norms and scales.
  package func map<Other: LinearLayer>(_ transform: (Layer) -> Other) -> DINOv2Block<Other> {
    DINOv2Block<Other>(
      norm1: norm1,
      attention: Attention(
        qkv: transform(attention.first), projection: transform(attention.projection),
        headCount: attention.headCount),
      scale1: scale1, norm2: norm2,
      mlp: MLP(fc1: transform(mlp.fc1), fc2: transform(mlp.fc2), form: mlp.form),
      scale2: scale2)
  }
}

extension DINOv2Block where Layer == Linear {
  /// Makes `norm1`, `attn`, `ls1`, `norm2`, `mlp`, `ls2`.
  package init(_ config: DINOv2Config, at scope: Scope) {
    let width = config.width
    norm1 = LayerNorm(width, at: scope / "norm1")
    attention = Attention(width, headCount: config.headCount, at: scope / "attn")
    scale1 = (scope / "ls1").parameter("gamma", [width], .ones)
    norm2 = LayerNorm(width, at: scope / "norm2")
    mlp = MLP(width, hidden: config.hiddenWidth, form: .exact, at: scope / "mlp")
    scale2 = (scope / "ls2").parameter("gamma", [width], .ones)
  }
}
