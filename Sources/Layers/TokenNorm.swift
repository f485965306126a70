public import Torch

/// The norm of tokens before a branch. A layer norm has no parameters, an RMSNorm has a weight.
///
/// The weight is no pass of its own: scales of the modulation take it up, see `absorbed(into:)`.
public struct TokenNorm {
  /// The norm.
  public let kind: NormKind
  /// `[D]`; nil for a layer norm.
  public let weight: Tensor?

  /// Makes `weight` for an RMSNorm, and nothing for a layer norm.
  public init(_ kind: NormKind, _ width: Int, at scope: Scope) {
    self.kind = kind
    weight = kind == .rms ? scope.parameter("weight", [width], .ones) : nil
  }

  /// The scale s' with norm(x) weight (1 + s) = norm(x) (1 + s').
  ///
  /// - Parameter scale: s, `[..., D]`
  /// - Returns: s', `[..., D]`
  public func absorbed(into scale: Tensor) -> Tensor {
    weight.map { (scale + 1) * $0 - 1 } ?? scale
  }
}
