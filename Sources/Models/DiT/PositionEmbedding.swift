public import Layers
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

  /// Angles of rotary positions (Su et al. 2021) of a square of patches: the row turns the first half of
  /// a head's pairs, the column the second, with periods from 2π to 20000π. Computed in float64.
  ///
  /// Source: LightningDiT, which has it from EVA-02 (Fang et al. 2023).
  ///
  /// - Parameters:
  ///   - headWidth: d, a multiple of 4.
  ///   - gridSize: patches per side, g.
  /// - Returns: `[g g, d / 2]`, float64
  public static func rotary2D(headWidth: Int, gridSize: Int) -> Tensor {
    let angles = rotary1D(headWidth: headWidth / 2, count: gridSize)
    let shape = [gridSize, gridSize, headWidth / 4]
    return concatenated(
      [
        angles.expandingDims(at: 1).expanded(to: shape),
        angles.expandingDims(at: 0).expanded(to: shape),
      ], axis: 2
    ).reshaped([gridSize * gridSize, headWidth / 2])
  }

  /// Angles of rotary positions of a sequence (Su et al. 2021, equation 15). Computed in float64.
  ///
  /// - Parameters:
  ///   - headWidth: d, even.
  ///   - count: tokens, T.
  /// - Returns: `[T, d / 2]`, float64
  public static func rotary1D(headWidth: Int, count: Int) -> Tensor {
    angles(Tensor.range(count, dtype: .float64), frequencyCount: headWidth / 2)
  }

  /// `[P]` positions to `[P, width]`: sines, then cosines, with periods from 2π to 20000π.
  private static func sinCos(_ positions: Tensor, width: Int) -> Tensor {
    let angles = angles(positions, frequencyCount: width / 2)
    return concatenated([angles.sine, angles.cosine], axis: 1)
  }

  /// `[P]` positions to `[P, F]`, with periods from 2π to 20000π.
  private static func angles(_ positions: Tensor, frequencyCount: Int) -> Tensor {
    let exponents = Tensor.range(frequencyCount, dtype: .float64) / Double(frequencyCount)
    let frequencies = (exponents * -9.210340371976184).exponential  // 10000 to the power -i
    return positions.expandingDims(at: 1) * frequencies.expandingDims(at: 0)
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

extension DiTConfig {
  /// The table by which blocks rotate queries and keys, the same for all; nil for none.
  public func rotaryPositions(on device: Device) -> RotaryPositions? {
    guard block.positions != .sines else { return nil }
    guard headWidth.isMultiple(of: block.positions.pairing) else {
      fatalError("\(block.positions.rawValue) in heads of width \(headWidth)")
    }
    switch block.positions {
    case .sines: return nil
    case .rotary2D:
      return RotaryPositions(
        angles: PositionEmbedding.rotary2D(headWidth: headWidth, gridSize: gridSize).to(device))
    case .rotary1D:
      return RotaryPositions(
        angles: PositionEmbedding.rotary1D(headWidth: headWidth, count: tokenCount).to(device))
    }
  }
}
