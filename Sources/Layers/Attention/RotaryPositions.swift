public import Torch

// T tokens, d width of a head.

/// Positions as rotations of queries and keys (RoPE; Su et al. 2021, equation 34). Two channels side by
/// side are a pair; each pair has an angle for each token.
public struct RotaryPositions {
  /// `[T, d / 2]`, float32
  public let cosines: Tensor
  /// `[T, d / 2]`, float32
  public let sines: Tensor

  /// The table of angles, `[T, d / 2]`, on the device of the queries.
  public init(angles: Tensor) {
    cosines = angles.cosine.to(.float32).contiguous
    sines = angles.sine.to(.float32).contiguous
  }

  /// Rotates in float32.
  ///
  /// - Parameter x: queries or keys, `[N, T, heads, d]`
  /// - Returns: the same shape and type.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let (n, t, headCount, d) = x.size4
    let pairs = x.to(.float32).reshaped([n, t, headCount, d / 2, 2])
    let parts = pairs.chunks(2, axis: 4)
    let (a, b) = (parts[0], parts[1])
    let (c, s) = (
      cosines.reshaped([1, t, 1, -1, 1]), sines.reshaped([1, t, 1, -1, 1])
    )
    return concatenated([a * c - b * s, b * c + a * s], axis: 4).reshaped([n, t, headCount, d])
      .to(x.dtype)
  }
}
