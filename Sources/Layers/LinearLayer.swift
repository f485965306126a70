public import Torch

/// A linear layer of a transformer block: `Linear`, or one whose weight is packed for inference.
///
/// Blocks are written once over this protocol. The type of the layer decides how tokens flow between
/// branches, see `ResidualStream`.
public protocol LinearLayer {
  /// The tokens that branches read and add to.
  associatedtype Stream: ResidualStream where Stream.Layer == Self

  /// Applies the layer, `[..., in]` to `[..., out]`.
  func callAsFunction(_ x: Stream.Activations) -> Tensor

  /// Applies the layer as the last one of a branch, `[..., in]` to `[..., out]`.
  func branchOutput(of x: Tensor) -> Stream.BranchOutput

  /// Applies the layer, a form of GELU and a second layer, the last one of a branch.
  func gelu(
    _ x: Stream.Activations, form: GELUForm, then second: Self
  ) -> Stream.BranchOutput

  /// Applies the layer, which makes gates, then values, side by side; silu(gate) value; and a second
  /// layer, the last one of a branch.
  func swiGLU(_ x: Stream.Activations, then second: Self) -> Stream.BranchOutput

  /// Normalizes and rotates queries and keys, `[N, T, 3 D]`, which may be overwritten.
  static func prepared(_ qkv: Tensor, _ form: QueryKeyForm, headCount: Int) -> Tensor
}

extension Linear: LinearLayer {
  /// Plain tensors, which gradients flow through.
  public typealias Stream = PlainStream

  /// Applies the layer.
  public func branchOutput(of x: Tensor) -> Tensor { self(x) }

  /// Applies both layers; with the tanh form in one differentiable operator, GELU and its slope fused
  /// into the products.
  public func gelu(_ x: Tensor, form: GELUForm, then second: Linear) -> Tensor {
    guard form == .tanh else { return second(Torch.gelu(self(x), form)) }
    return feedForward(
      x, weight1: weight, bias1: bias, weight2: second.weight, bias2: second.bias)
  }

  /// Applies both layers.
  public func swiGLU(_ x: Tensor, then second: Linear) -> Tensor {
    let parts = self(x).chunks(2, axis: -1)
    return second(silu(parts[0]) * parts[1])
  }

  /// Normalizes and rotates queries and keys; gradients flow through.
  public static func prepared(_ qkv: Tensor, _ form: QueryKeyForm, headCount: Int) -> Tensor {
    form(qkv, headCount: headCount)
  }
}
