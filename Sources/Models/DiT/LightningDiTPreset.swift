/// The published sizes of LightningDiT.
///
/// Source: the table of models in LightningDiT's code.
public enum LightningDiTPreset: String, Sendable, CaseIterable {
  /// 675 million numbers, patches of 1 x 1.
  case xl1 = "LightningDiT-XL/1"
  /// Size XL, patches of 2 x 2.
  case xl2 = "LightningDiT-XL/2"
  /// Size L, patches of 2 x 2.
  case l2 = "LightningDiT-L/2"
  /// Size B, patches of 1 x 1.
  case b1 = "LightningDiT-B/1"
  /// Size B, patches of 2 x 2.
  case b2 = "LightningDiT-B/2"
  /// A billion numbers, patches of 1 x 1.
  case billion1 = "LightningDiT-1p0B/1"
  /// A billion numbers, patches of 2 x 2.
  case billion2 = "LightningDiT-1p0B/2"
  /// 1.6 billion numbers, patches of 1 x 1.
  case large1 = "LightningDiT-1p6B/1"

  /// Width, depth, heads.
  public var size: (hiddenSize: Int, depth: Int, headCount: Int) {
    switch self {
    case .xl1, .xl2: (1152, 28, 16)
    case .l2: (1024, 24, 16)
    case .b1, .b2: (768, 12, 12)
    case .billion1, .billion2: (1536, 24, 24)
    case .large1: (1792, 28, 28)
    }
  }

  /// Height and width of a patch.
  public var patchSize: Int {
    switch self {
    case .xl1, .b1, .billion1, .large1: 1
    case .xl2, .l2, .b2, .billion2: 2
    }
  }
}

extension DiTConfig {
  /// The name of the published size: LightningDiT's for a model with its blocks, else DiT's; nil for other
  /// sizes.
  public var publishedName: String? {
    var parts = block
    parts.queryKeyNorm = nil
    guard parts == .lightning else { return preset?.rawValue }
    return LightningDiTPreset.allCases.first {
      $0.size == (hiddenSize, depth, headCount) && $0.patchSize == patchSize
    }?.rawValue
  }
}
