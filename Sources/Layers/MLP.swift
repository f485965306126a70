public import Torch

/// Two linear layers with GELU between them, applied to each token.
public struct MLP<Layer: LinearLayer> {
  /// `[hidden, D]`
  public let fc1: Layer
  /// `[D, hidden]`
  public let fc2: Layer
  /// The form of GELU.
  public let form: GELUForm

  /// An MLP over existing layers.
  public init(fc1: Layer, fc2: Layer, form: GELUForm = .tanh) {
    self.fc1 = fc1
    self.fc2 = fc2
    self.form = form
  }

  /// `[..., D]` to `[..., D]`
  public func callAsFunction(_ x: Layer.Stream.Activations) -> Layer.Stream.BranchOutput {
    fc1.gelu(x, form: form, then: fc2)
  }
}

extension MLP where Layer == Linear {
  /// Makes `fc1`, then `fc2`.
  public init(_ width: Int, hidden: Int, form: GELUForm = .tanh, at scope: Scope) {
    self.init(
      fc1: Linear(width, hidden, at: scope / "fc1"),
      fc2: Linear(hidden, width, at: scope / "fc2"), form: form)
  }

  /// Multiply-adds for `tokenCount` tokens.
  public func multiplyAdds(tokenCount: Int) -> Double {
    fc1.multiplyAdds(tokenCount: tokenCount) + fc2.multiplyAdds(tokenCount: tokenCount)
  }
}
