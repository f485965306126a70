public import Torch

/// The parts of a DiT's block, of which successors of DiT have others.
public struct DiTBlockConfig: Sendable, Equatable {
  /// The pointwise feed-forward part. Its width is a multiple of the tokens' (`DiTConfig.mlpRatio`), of
  /// which a gated one takes two thirds, so that the weights are as many.
  public enum MLP: String, Sendable, CaseIterable {
    /// Two layers, `fc1` and `fc2`, with GELU (tanh form) between them.
    case gelu
    /// SwiGLU with one first layer: `w12` and `w3`, as in LightningDiT.
    case swiGLU = "swiglu"
    /// SwiGLU with two first layers and no biases: `w1`, `w3` and `w2`, as in DDT.
    case swiGLUApart = "swiglu-apart"
  }

  /// How tokens know their places. All forms add the fixed sines to the patches.
  public enum Positions: String, Sendable, CaseIterable {
    /// Nothing else.
    case sines
    /// Half of the pairs of queries and keys turn with the row, half with the column.
    case rotary2D = "rope-2d"
    /// All pairs turn with the number of the token, row by row.
    case rotary1D = "rope-1d"
  }

  /// The norm of tokens: `layernorm` without parameters, or `rmsnorm` with a weight.
  public var norm: NormKind
  /// The MLP.
  public var mlp: MLP
  /// Positions.
  public var positions: Positions
  /// The norm of queries and keys over each head; nil for none.
  public var queryKeyNorm: NormKind?

  /// A block; the default is DiT's.
  public init(
    norm: NormKind = .layer, mlp: MLP = .gelu, positions: Positions = .sines,
    queryKeyNorm: NormKind? = nil
  ) {
    self.norm = norm
    self.mlp = mlp
    self.positions = positions
    self.queryKeyNorm = queryKeyNorm
  }

  /// The block of Peebles & Xie 2023, figure 3.
  public static let dit = DiTBlockConfig()
  /// The block of the published LightningDiT (Yao et al. 2025, section 4).
  public static let lightning = DiTBlockConfig(norm: .rms, mlp: .swiGLU, positions: .rotary2D)
  /// LightningDiT's with QK-norm.
  public static let modern = DiTBlockConfig(
    norm: .rms, mlp: .swiGLU, positions: .rotary2D, queryKeyNorm: .rms)
}

/// Blocks with a name.
public enum DiTBlockPreset: String, Codable, Sendable, CaseIterable {
  /// DiT's: layer norm, GELU, fixed sines.
  case dit
  /// LightningDiT's: RMSNorm, SwiGLU, rotations by row and column.
  case lightning
  /// LightningDiT's with QK-norm.
  case modern

  /// The parts.
  public var config: DiTBlockConfig {
    switch self {
    case .dit: .dit
    case .lightning: .lightning
    case .modern: .modern
    }
  }
}

extension DiTBlockConfig: CustomStringConvertible {
  /// The parts by name: "rmsnorm, swiglu, rope-2d, QK-norm rmsnorm".
  public var description: String {
    "\(norm.rawValue), \(mlp.rawValue), \(positions.rawValue)"
      + (queryKeyNorm.map { ", QK-norm \($0.rawValue)" } ?? "")
  }
}

extension DiTBlockConfig.MLP {
  /// The hidden width.
  ///
  /// - Parameter width: the ratio times the width of the tokens.
  /// - Returns: that, or the published code's two thirds of it.
  public func hiddenWidth(_ width: Int) -> Int {
    switch self {
    case .gelu: width
    case .swiGLU: Int(2.0 / 3.0 * Double(width))
    case .swiGLUApart: 2 * width / 3
    }
  }

  /// The name of the layer that makes the hidden values, or the first of two, and its outputs for each
  /// hidden value.
  var first: (name: BlockLayer, outputs: Int) {
    switch self {
    case .gelu: (.fc1, 1)
    case .swiGLU: (.w12, 2)
    case .swiGLUApart: (.w1, 1)
    }
  }
}

extension DiTBlockConfig.Positions {
  /// The widths of heads must be multiples of it.
  public var pairing: Int {
    switch self {
    case .sines: 1
    case .rotary2D: 4
    case .rotary1D: 2
    }
  }
}
