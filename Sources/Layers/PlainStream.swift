public import Torch

// N batch, T tokens, D width.

/// Tokens as a plain tensor, which gradients flow through. Vectors are `[N, 1, D]`.
public struct PlainStream: ResidualStream {
  /// The plain layer.
  public typealias Layer = Linear

  private var tokens: Tensor
  private var pending: (y: Tensor, gate: Tensor)?

  /// A stream of tokens, `[N, T, D]`.
  public init(_ tokens: Tensor) { self.tokens = tokens }

  /// See `ResidualStream`.
  public mutating func normalized(
    by norm: NormKind, shift: Tensor, scale: Tensor, for layer: Linear
  ) -> Tensor {
    normalized(by: norm, shift: shift, scale: scale)
  }

  /// See `ResidualStream`.
  public mutating func normalized(by norm: NormKind, shift: Tensor, scale: Tensor) -> Tensor {
    guard let (y, gate) = pending else {
      return adaptiveNorm(tokens, shift: shift, scale: scale, epsilon: Self.epsilon, by: norm)
    }
    pending = nil
    let (sum, normalized) = gatedAddAndNorm(
      tokens, y, gate: gate, shift: shift, scale: scale, epsilon: Self.epsilon, by: norm)
    tokens = sum
    return normalized
  }

  /// See `ResidualStream`.
  public mutating func add(_ y: Tensor, gate: Tensor) {
    tokens = sum()
    pending = (y, gate)
  }

  /// The tokens with all that was added, `[N, T, D]`.
  public mutating func sum() -> Tensor {
    if let (y, gate) = pending {
      pending = nil
      tokens = gatedAdd(tokens, y, gate: gate)
    }
    return tokens
  }
}
