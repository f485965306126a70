internal import Torch

/// The names of CompVis' `AutoencoderKL`, and of diffusers' own before version 0.13.
///
/// Source: https://github.com/CompVis/latent-diffusion, `ldm/modules/diffusionmodules/model.py`.
/// CompVis counts the decoder's stages from the finest, diffusers from the coarsest.
enum CompVisNames {
  /// Names without `encoder.` and `decoder.`.
  private static let table = NameTable([
    ("down.#.block.#.nin_shortcut", "down_blocks.#.resnets.#.conv_shortcut"),
    ("down.#.block.#", "down_blocks.#.resnets.#"),
    ("down.#.downsample", "down_blocks.#.downsamplers.0"),
    ("down.#.attn.#.q", "down_blocks.#.attentions.#.to_q"),
    ("down.#.attn.#.k", "down_blocks.#.attentions.#.to_k"),
    ("down.#.attn.#.v", "down_blocks.#.attentions.#.to_v"),
    ("down.#.attn.#.proj_out", "down_blocks.#.attentions.#.to_out.0"),
    ("down.#.attn.#.norm", "down_blocks.#.attentions.#.group_norm"),
    ("up.~.attn.#.q", "up_blocks.~.attentions.#.to_q"),
    ("up.~.attn.#.k", "up_blocks.~.attentions.#.to_k"),
    ("up.~.attn.#.v", "up_blocks.~.attentions.#.to_v"),
    ("up.~.attn.#.proj_out", "up_blocks.~.attentions.#.to_out.0"),
    ("up.~.attn.#.norm", "up_blocks.~.attentions.#.group_norm"),
    ("up.~.block.#.nin_shortcut", "up_blocks.~.resnets.#.conv_shortcut"),
    ("up.~.block.#", "up_blocks.~.resnets.#"),
    ("up.~.upsample", "up_blocks.~.upsamplers.0"),
    ("mid.block_1", "mid_block.resnets.0"),
    ("mid.block_2", "mid_block.resnets.1"),
    ("mid.attn_1.q", "mid_block.attentions.0.to_q"),
    ("mid.attn_1.k", "mid_block.attentions.0.to_k"),
    ("mid.attn_1.v", "mid_block.attentions.0.to_v"),
    ("mid.attn_1.proj_out", "mid_block.attentions.0.to_out.0"),
    ("mid.attn_1.norm", "mid_block.attentions.0.group_norm"),
    ("norm_out", "conv_norm_out"),
  ])

  /// Attention in diffusers before version 0.13.
  private static let oldAttention = NameTable(
    ["mid_block.attentions.0", "down_blocks.#.attentions.#", "up_blocks.#.attentions.#"].flatMap {
      [
        ("\($0).query", "\($0).to_q"), ("\($0).key", "\($0).to_k"),
        ("\($0).value", "\($0).to_v"), ("\($0).proj_attn", "\($0).to_out.0"),
      ]
    })

  /// The state dict in diffusers' names, with the 1x1 convolutions of attention as matrices. A name stays
  /// if another tensor has its name in diffusers.
  static func own(_ state: [String: Tensor]) -> [String: Tensor] {
    let stages = stageCount(state.keys, decoder: "decoder.up.")
    var result: [String: Tensor] = [:]
    for (name, tensor) in state.sorted(by: { $0.key < $1.key }) {
      let own = withinHalf(name) { rest in
        (table.own(rest, of: stages) ?? oldAttention.own(rest))?.name
      }
      let known = own != name && (state[own] != nil || result[own] != nil) ? name : own
      result[known] =
        isAttentionWeight(known) && tensor.rank == 4 ? tensor.flattened(from: 1) : tensor
    }
    return result
  }

  /// CompVis' name for a name of diffusers.
  static func foreign(_ name: String, stages: Int) -> String {
    withinHalf(name) { table.foreign($0, of: stages).first }
  }

  /// The number of the decoder's stages, given what comes before a stage's number.
  static func stageCount(_ names: some Sequence<String>, decoder prefix: String) -> Int {
    let stages = names.compactMap { name in
      name.hasPrefix(prefix)
        ? NameTable.number(name.dropFirst(prefix.count).prefix { $0 != "." }) : nil
    }
    return 1 + (stages.max() ?? 0)
  }

  /// Whether a parameter, by its name in diffusers, is a matrix that CompVis has as a 1x1 convolution.
  static func isAttentionWeight(_ name: String) -> Bool {
    name.contains(".attentions.") && name.hasSuffix(".weight") && !name.contains("group_norm")
  }

  /// The beginnings of the names of what only training needs.
  private static let trainingParts = ["loss.", "foundation_model.", "linear_proj."]

  /// The autoencoder's part of a Stable Diffusion checkpoint, or the whole of another; without the
  /// perceptual loss that CompVis' trainer keeps with the model, and the vision model of VA-VAE's.
  static func withoutStableDiffusion(_ state: [String: Tensor]) -> [String: Tensor] {
    let prefix = "first_stage_model."
    var result = state
    if state.keys.contains(where: { $0.hasPrefix(prefix) }) {
      result = [:]
      for (name, tensor) in state where name.hasPrefix(prefix) {
        result[String(name.dropFirst(prefix.count))] = tensor
      }
    }
    return result.filter { entry in !trainingParts.contains { entry.key.hasPrefix($0) } }
  }

  /// Translates what follows `encoder.` or `decoder.`; other names, and those not translated, stay.
  private static func withinHalf(_ name: String, _ translate: (String) -> String?) -> String {
    for half in ["encoder.", "decoder."] where name.hasPrefix(half) {
      if let rest = translate(String(name.dropFirst(half.count))) { return half + rest }
    }
    return name
  }
}
