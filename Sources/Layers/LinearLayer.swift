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
}
