internal import Torch

extension DiTBlockConfig {
  /// The metadata's key of the positions, which no shape of a parameter shows.
  static let positionsKey = "positions"
  /// The table of rotations in files of LightningDiT, `[T, d]`. It is computed here.
  static let rotaryTable = "feat_rope.freqs_cos"

  /// Infers the parts of a block from shapes of a state dict with the published names.
  ///
  /// - Parameters:
  ///   - shapes: shapes by parameter name.
  ///   - metadata: the file's, which may name the positions.
  /// - Returns: the parts, those of a DiT where nothing says otherwise.
  /// - Throws: `ModelError` if the metadata name unknown positions.
  static func inferred(
    from shapes: [String: [Int]], metadata: [String: String]
  ) throws -> DiTBlockConfig {
    func has(_ name: String) -> Bool { shapes["blocks.0." + name] != nil }
    let mlp =
      MLP.allCases.first { $0 != .gelu && has($0.first.name.rawValue + ".weight") } ?? .gelu
    var positions: Positions = shapes[rotaryTable] == nil ? .sines : .rotary2D
    if let name = metadata[positionsKey] {
      guard let named = Positions(rawValue: name) else {
        let known = Positions.allCases.map(\.rawValue).joined(separator: ", ")
        throw ModelError("the metadata name the positions '\(name)'; known are \(known)")
      }
      positions = named
    }
    let kind: NormKind = has("attn.q_norm.bias") ? .layer : .rms
    return DiTBlockConfig(
      norm: has("norm1.weight") ? .rms : .layer, mlp: mlp, positions: positions,
      queryKeyNorm: has("attn.q_norm.weight") ? kind : nil)
  }
}

extension DiTBlockConfig.MLP {
  /// The ratio of `DiTConfig` that gives a first layer.
  ///
  /// - Parameters:
  ///   - outputs: of the first layer.
  ///   - width: of the tokens.
  /// - Returns: the ratio; nil if none does.
  package func ratio(outputs: Int, width: Int) -> Int? {
    let hidden = outputs / first.outputs
    guard outputs.isMultiple(of: first.outputs), hidden > 0 else { return nil }
    let near = self == .gelu ? hidden / width : hidden / 2 * 3 / width
    return (near...near + 1).first { $0 > 0 && hiddenWidth($0 * width) == hidden }
  }
}

extension DiTConfig {
  /// What shapes do not show, for the metadata of a file: the heads, and positions beside the sines.
  public var metadata: [String: String] {
    ["num_heads": String(headCount)].merging(blockMetadata) { $1 }
  }

  /// The metadata of the blocks; none for a DiT's.
  public var blockMetadata: [String: String] {
    block.positions == .sines ? [:] : [DiTBlockConfig.positionsKey: block.positions.rawValue]
  }
}
