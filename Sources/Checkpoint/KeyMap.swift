public import Torch

/// Foreign names of parameters, turned into those that the models have.
///
/// What a map does not know keeps its name, so that strict loading reports it.
public enum KeyMap {
  /// The autoencoders that names can belong to.
  public enum AutoencoderKind: Sendable {
    case kl
    case tiny
  }

  /// Brings an autoencoder's state dict to diffusers' names.
  ///
  /// Understood are diffusers' names (attention as `to_q` or, before version 0.13, `query`), those
  /// of CompVis' `AutoencoderKL` (alone, or within a Stable Diffusion checkpoint), and those of
  /// TAESD's `nn.Sequential` (one stack, or both).
  ///
  /// - Parameter state: name to tensor.
  /// - Returns: which autoencoder it is, and its state dict; nil if the names are of neither.
  public static func autoencoder(
    _ state: [String: Tensor]
  ) -> (kind: AutoencoderKind, state: [String: Tensor])? {
    let names = withoutStableDiffusion(withoutMindSpore(state))
    if names.keys.contains(where: {
      $0.hasPrefix("encoder.layers.") || $0.hasPrefix("decoder.layers.")
    }) {
      return (.tiny, names)
    }
    if let prefix = taesdPrefix(names.keys) { return (.tiny, taesd(names, prefix)) }
    guard names["encoder.conv_in.weight"] != nil || names["decoder.conv_in.weight"] != nil else {
      return nil
    }
    let stages = 1 + (names.keys.compactMap(compVisStage).max() ?? 0)
    var result: [String: Tensor] = [:]
    for (name, tensor) in names {
      let known = diffusersAttention(compVis(name, decoderStages: stages))
      result[known] =
        isAttentionWeight(known) && tensor.rank == 4 ? tensor.flattened(from: 1) : tensor
    }
    return (.kl, result)
  }

  /// The autoencoder's part of a Stable Diffusion checkpoint; the names themselves if it is none.
  private static func withoutStableDiffusion(_ state: [String: Tensor]) -> [String: Tensor] {
    let prefix = "first_stage_model."
    guard state.keys.contains(where: { $0.hasPrefix(prefix) }) else {
      // The perceptual loss that CompVis' trainer keeps beside the model.
      return state.filter { !$0.key.hasPrefix("loss.") }
    }
    var result: [String: Tensor] = [:]
    for (name, tensor) in state where name.hasPrefix(prefix) {
      let rest = String(name.dropFirst(prefix.count))
      if !rest.hasPrefix("loss.") { result[rest] = tensor }
    }
    return result
  }

  // MARK: TAESD

  /// Where TAESD's stacks are: "" for one stack by itself; nil if the names are not TAESD's.
  private static func taesdPrefix(_ names: some Sequence<String>) -> [String: String]? {
    let names = Set(names)
    if names.contains("encoder.0.weight") || names.contains("decoder.1.weight") {
      return ["encoder.": "encoder", "decoder.": "decoder"]
    }
    if names.contains("0.weight"), names.contains("1.conv.0.weight") { return ["": "encoder"] }
    if names.contains("1.weight"), names.contains("3.conv.0.weight") { return ["": "decoder"] }
    return nil
  }

  /// TAESD's decoder begins with a clamp, which diffusers does not count as a layer.
  private static func taesd(
    _ state: [String: Tensor], _ prefixes: [String: String]
  ) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (name, tensor) in state {
      var known = name
      for (prefix, stack) in prefixes where name.hasPrefix(prefix) {
        let parts = name.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let place = Int(parts[0]) else { continue }
        known = "\(stack).layers.\(stack == "decoder" ? place - 1 : place).\(parts[1])"
      }
      result[known] = tensor
    }
    return result
  }

  // MARK: AutoencoderKL

  /// The stage number in a name of CompVis' decoder.
  private static func compVisStage(_ name: String) -> Int? {
    let prefix = "decoder.up."
    guard name.hasPrefix(prefix) else { return nil }
    return Int(name.dropFirst(prefix.count).prefix { $0 != "." })
  }

  /// CompVis counts the decoder's stages from the finest, diffusers from the coarsest.
  private static func compVis(_ name: String, decoderStages: Int) -> String {
    var parts = name.split(separator: ".").map(String.init)
    guard parts.count > 2 else { return name }
    switch (parts[0], parts[1]) {
    case ("encoder", "down"), ("decoder", "up"):
      guard let stage = Int(parts[2]), parts.count > 4 else { return name }
      parts[1] += "_blocks"
      if parts[0] == "decoder" { parts[2] = String(decoderStages - 1 - stage) }
      switch parts[3] {
      case "block": parts[3] = "resnets"
      case "downsample": parts[3] = "downsamplers.0"
      case "upsample": parts[3] = "upsamplers.0"
      default: return name
      }
    case (_, "mid"):
      let known = ["block_1": "resnets.0", "block_2": "resnets.1", "attn_1": "attentions.0"]
      guard let member = known[parts[2]] else { return name }
      parts[1] = "mid_block"
      parts[2] = member
    case (_, "norm_out"): parts[1] = "conv_norm_out"
    default: break
    }
    return parts.joined(separator: ".").replacing(".nin_shortcut.", with: ".conv_shortcut.")
  }

  /// The names of attention layers before diffusers 0.13, and CompVis'.
  private static func diffusersAttention(_ name: String) -> String {
    guard name.contains(".attentions.") else { return name }
    let known = [
      "query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0", "q": "to_q",
      "k": "to_k", "v": "to_v", "proj_out": "to_out.0", "norm": "group_norm",
    ]
    var parts = name.split(separator: ".").map(String.init)
    guard parts.count > 1, let member = known[parts[parts.count - 2]] else { return name }
    parts[parts.count - 2] = member
    return parts.joined(separator: ".")
  }

  /// Whether a matrix may come as a 1x1 convolution.
  private static func isAttentionWeight(_ name: String) -> Bool {
    name.contains(".attentions.") && name.hasSuffix(".weight") && !name.contains("group_norm")
  }
}
