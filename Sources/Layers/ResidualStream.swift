public import Torch

// N batch, T tokens, D width.

/// The tokens of a pre-norm transformer, which its branches read normalized and add to:
/// x + gate branch(norm(x)).
///
/// Adding is lazy, so that an implementation can fuse it with the norm that follows.
public protocol ResidualStream {
  /// The linear layers of the branches.
  associatedtype Layer
  /// The input of a branch's first layer, `[N, T, D]`.
  associatedtype Activations
  /// The output of a branch's last layer, `[N, T, D]`.
  associatedtype BranchOutput
  /// A shift, scale or gate of each batch element, width D.
  associatedtype Vector

  /// norm(x) (1 + scale) + shift, the adaptive norm of Peebles & Xie 2023, section 3.2, in the number
  /// format of the layer that reads it.
  mutating func normalized(
    by norm: NormKind, shift: Vector, scale: Vector, for layer: Layer
  ) -> Activations

  /// The same norm in the number format of the tokens, `[N, T, D]`.
  mutating func normalized(by norm: NormKind, shift: Vector, scale: Vector) -> Tensor

  /// Adds gate y. `PackedStream` needs a norm between two additions.
  mutating func add(_ y: BranchOutput, gate: Vector)
}

extension ResidualStream {
  /// Added to the variance or mean square by all norms of tokens of a DiT.
  public static var epsilon: Double { 1e-6 }

  /// The adaptive layer norm, in the number format of the layer that reads it.
  public mutating func normalized(
    shift: Vector, scale: Vector, for layer: Layer
  ) -> Activations {
    normalized(by: .layer, shift: shift, scale: scale, for: layer)
  }

  /// The adaptive layer norm in the number format of the tokens, `[N, T, D]`.
  public mutating func normalized(shift: Vector, scale: Vector) -> Tensor {
    normalized(by: .layer, shift: shift, scale: scale)
  }
}
