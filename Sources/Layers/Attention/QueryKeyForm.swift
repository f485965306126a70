public import Torch

// N batch, T tokens, D width, d width of a head.

/// What happens to queries and keys before their product: a norm, then the rotation by position.
public struct QueryKeyForm {
  /// The norm of queries and that of keys.
  public let norms: (query: HeadNorm, key: HeadNorm)?
  /// The rotation.
  public let positions: RotaryPositions?

  /// nil if nothing happens.
  public init?(norms: (query: HeadNorm, key: HeadNorm)?, positions: RotaryPositions?) {
    guard norms != nil || positions != nil else { return nil }
    self.norms = norms
    self.positions = positions
  }

  /// Normalizes and rotates; gradients flow through.
  ///
  /// - Parameters:
  ///   - qkv: queries, keys and values, `[N, T, 3 D]`
  ///   - headCount: divides D.
  /// - Returns: `[N, T, 3 D]`, the values as they were.
  public func callAsFunction(_ qkv: Tensor, headCount: Int) -> Tensor {
    let (n, t) = (qkv.size(0), qkv.size(1))
    let parts = qkv.chunks(3, axis: 2).map { $0.reshaped([n, t, headCount, -1]) }
    let heads = [
      rotated(norms?.query(parts[0]) ?? parts[0]), rotated(norms?.key(parts[1]) ?? parts[1]),
      parts[2],
    ]
    return concatenated(heads, axis: 2).reshaped(qkv.shape)
  }

  private func rotated(_ x: Tensor) -> Tensor { positions?(x) ?? x }
}
