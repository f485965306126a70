public import Torch

/// Two linear layers with the tanh form of GELU between them.
public struct MLP {
  /// `[hidden, D]`
  public let fc1: Linear
  /// `[D, hidden]`
  public let fc2: Linear

  /// Makes `fc1`, then `fc2`.
  public init(_ width: Int, hidden: Int, at scope: Scope) {
    fc1 = Linear(width, hidden, at: scope / "fc1")
    fc2 = Linear(hidden, width, at: scope / "fc2")
  }

  /// Maps each token by itself, `[..., D]` to `[..., D]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    feedForward(
      x, weight1: fc1.weight, bias1: fc1.bias, weight2: fc2.weight, bias2: fc2.bias)
  }
}
