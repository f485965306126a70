public import Torch

/// Fixed sinusoidal tables (Vaswani et al. 2017, section 3.5).
public enum PositionEmbedding {
  /// Sines, then cosines of the column in the first half, of the row in the second.
  ///
  /// The order is that of the masked autoencoder's code, which DiT uses. Computed in float64.
  ///
  /// - Parameters:
  ///   - width: D, a multiple of 4.
  ///   - gridSize: patches per side, g.
  /// - Returns: `[1, g g, D]`, float32
  public static func sinCos2D(width: Int, gridSize: Int) -> Tensor {
    let positions = Tensor.range(gridSize, dtype: .float64)
    let columns = positions.expandingDims(at: 0).expanded(to: [gridSize, gridSize])
    let table = concatenated(
      [
        sinCos(columns.reshaped([-1]), width: width / 2),
        sinCos(columns.transposed().reshaped([-1]), width: width / 2),
      ], axis: 1)
    return table.to(.float32).expandingDims(at: 0)
  }

  /// `[P]` positions to `[P, width]`: sines, then cosines, with periods from 2π to 20000π.
  private static func sinCos(_ positions: Tensor, width: Int) -> Tensor {
    let exponents = Tensor.range(width / 2, dtype: .float64) / (Double(width) / 2)
    let frequencies = (exponents * -9.210340371976184).exponential  // 10000 to the power -i
    let angles = positions.expandingDims(at: 1) * frequencies.expandingDims(at: 0)
    return concatenated([angles.sine, angles.cosine], axis: 1)
  }

  /// Cosines, then sines of timesteps (Ho et al. 2020, appendix B; order as in GLIDE's code).
  ///
  /// - Parameters:
  ///   - t: timesteps, `[N]`, 0 ..< 1000, may be fractional.
  ///   - width: twice the number of frequencies.
  /// - Returns: `[N, width]`, float32
  public static func timestep(_ t: Tensor, width: Int) -> Tensor {
    let half = width / 2
    let exponents = Tensor.range(half, device: t.device) * (-9.210340371976184) / Double(half)
    let angles = t.to(.float32).expandingDims(at: 1) * exponents.exponential.expandingDims(at: 0)
    return concatenated([angles.cosine, angles.sine], axis: 1)
  }
}
