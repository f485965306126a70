internal import Torch

/// An MLP whose hidden values are gated: silu(x W1) (x W2), then W3 (Shazeer 2020, equation 6).
public struct SwiGLU<Layer: LinearLayer> {
  /// The first layers.
  public enum Input {
    /// One layer for gates, then values, `[2 hidden, D]`.
    case joined(Layer)
    /// A layer for each, `[hidden, D]`.
    case apart(gate: Layer, value: Layer)
  }

  /// Makes gates and values.
  public let input: Input
  /// `[D, hidden]`
  public let output: Layer

  /// An MLP over existing layers.
  public init(input: Input, output: Layer) {
    self.input = input
    self.output = output
  }

  /// The layer that reads the tokens, or the first of two.
  public var first: Layer {
    switch input {
    case .joined(let layer), .apart(gate: let layer, value: _): layer
    }
  }

  /// `[..., D]` to `[..., D]`
  public func callAsFunction(_ x: Layer.Stream.Activations) -> Layer.Stream.BranchOutput {
    switch input {
    case .joined(let layer): layer.swiGLU(x, then: output)
    case .apart(let gate, let value): output.branchOutput(of: silu(gate(x)) * value(x))
    }
  }
}

extension SwiGLU where Layer == Linear {
  /// Makes `w12`, then `w3`, with biases.
  public init(joined width: Int, hidden: Int, at scope: Scope) {
    self.init(
      input: .joined(Linear(width, 2 * hidden, at: scope / "w12")),
      output: Linear(hidden, width, at: scope / "w3"))
  }

  /// Makes `w1` for gates, `w3` for values, then `w2`, without biases.
  public init(apart width: Int, hidden: Int, at scope: Scope) {
    self.init(
      input: .apart(
        gate: Linear(width, hidden, at: scope / "w1", bias: nil),
        value: Linear(width, hidden, at: scope / "w3", bias: nil)),
      output: Linear(hidden, width, at: scope / "w2", bias: nil))
  }

  /// The same MLP with one first layer; its weight is a copy if there were two.
  package var joined: SwiGLU {
    guard case .apart(let gate, let value) = input else { return self }
    return SwiGLU(
      input: .joined(
        Linear(weight: concatenated([gate.weight, value.weight]), bias: nil)),
      output: output)
  }

  /// The joined MLP with more hidden values, which are all 0 and change no result; 8-bit products read rows
  /// of some widths much faster, or those alone.
  ///
  /// - Parameter multiple: of which the hidden width becomes one.
  /// - Returns: the joined MLP.
  package func padded(toMultipleOf multiple: Int) -> SwiGLU {
    let joined = joined
    let count = (multiple - output.inputCount % multiple) % multiple
    guard case .joined(let layer) = joined.input, count > 0 else { return joined }
    let bias = layer.bias.map { bias in
      concatenated(bias.chunks(2, axis: 0).map { $0.padded([0, count]) })
    }
    return SwiGLU(
      input: .joined(
        Linear(
          weight: concatenated(
            layer.weight.chunks(2, axis: 0).map { $0.padded([0, 0, 0, count]) }),
          bias: bias)),
      output: Linear(weight: output.weight.padded([0, count]), bias: output.bias))
  }

  /// Multiply-adds for `tokenCount` tokens.
  public func multiplyAdds(tokenCount: Int) -> Double {
    let layers: [Linear] =
      switch input {
      case .joined(let layer): [layer, output]
      case .apart(let gate, let value): [gate, value, output]
      }
    return layers.reduce(0) { $0 + $1.multiplyAdds(tokenCount: tokenCount) }
  }
}
