public import Torch

extension KeyMap {
  /// What an autoencoder's norms call their parameters.
  public enum NormNames: String, CaseIterable, Sendable {
    /// `gamma` and `beta`, as MindSpore's own layers and earlier versions of MindONE.
    case gamma
    /// `weight` and `bias`, as PyTorch's layers and later versions of MindONE.
    case weight
  }

  /// Brings an `AutoencoderKL` to the names and shapes of MindONE, the reverse of `autoencoder`: those
  /// of CompVis, with the matrices of attention as 1x1 convolutions.
  ///
  /// Source: MindONE, `examples/dit/tools/vae_converter.py` and the lists of names that it reads.
  ///
  /// - Parameters:
  ///   - tensors: the parameters by their names in diffusers.
  ///   - norms: what parameters of norms are called.
  /// - Returns: the same for MindONE, in the same order; nothing is copied.
  public static func mindSporeAutoencoder(
    _ tensors: [(name: String, tensor: Tensor)], norms: NormNames
  ) -> [(name: String, tensor: Tensor)] {
    let stages = 1 + (tensors.compactMap { decoderStage($0.name) }.max() ?? 0)
    return tensors.map { name, tensor in
      var parts = name.split(separator: ".").map(String.init)
      let isAttention = parts.contains("attentions")
      let isNorm = parts.contains { $0.contains("norm") }
      if norms == .gamma, isNorm, let kind = parts.popLast() {
        parts.append(kind == "weight" ? "gamma" : "beta")
      }
      let known = compVisParts(parts, decoderStages: stages).joined(separator: ".")
      let isMatrix = isAttention && tensor.rank == 2
      return (known, isMatrix ? tensor.reshaped(tensor.shape + [1, 1]) : tensor)
    }
  }

  /// The stage number in a name of diffusers' decoder.
  private static func decoderStage(_ name: String) -> Int? {
    let parts = name.split(separator: ".")
    return parts.count > 2 && parts[1] == "up_blocks" ? Int(parts[2]) : nil
  }

  private static let compVisMembers = [
    "resnets": "block", "conv_shortcut": "nin_shortcut", "conv_norm_out": "norm_out",
    "to_q": "q", "to_k": "k", "to_v": "v", "group_norm": "norm",
  ]

  /// The parts of a name of diffusers in CompVis' terms.
  private static func compVisParts(_ parts: [String], decoderStages: Int) -> [String] {
    var parts = parts
    guard parts.count > 2 else { return parts }
    switch parts[1] {
    case "up_blocks":
      parts[1] = "up"
      if let stage = Int(parts[2]) { parts[2] = String(decoderStages - 1 - stage) }
    case "down_blocks": parts[1] = "down"
    case "mid_block":
      parts[1] = "mid"
      let number = (Int(parts[3]) ?? 0) + 1
      parts[2...3] = [parts[2] == "resnets" ? "block_\(number)" : "attn_\(number)"]
      if parts.count > 4, parts[3] == "to_out" { parts[3...4] = ["proj_out"] }
    default: break
    }
    if parts.count > 4, ["upsamplers", "downsamplers"].contains(parts[3]) {
      parts[3...4] = [parts[3] == "upsamplers" ? "upsample" : "downsample"]
    }
    return parts.map { compVisMembers[$0] ?? $0 }
  }
}
