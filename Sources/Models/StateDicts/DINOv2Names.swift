public import Torch

/// The names of Hugging Face's `Dinov2Model`.
///
/// Source: transformers, `models/dinov2/convert_dinov2_to_hf.py`. Query, key and value lie apart.
enum DINOv2Names {
  private static let table = NameTable([
    ("embeddings.cls_token", "cls_token"),
    ("embeddings.mask_token", "mask_token"),
    ("embeddings.register_tokens", "register_tokens"),
    ("embeddings.position_embeddings", "pos_embed"),
    ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
    ("encoder.layer.#.attention.output.dense", "blocks.#.attn.proj"),
    ("encoder.layer.#.layer_scale1.lambda1", "blocks.#.ls1.gamma"),
    ("encoder.layer.#.layer_scale2.lambda1", "blocks.#.ls2.gamma"),
    ("encoder.layer.#.mlp.weights_in", "blocks.#.mlp.w12"),
    ("encoder.layer.#.mlp.weights_out", "blocks.#.mlp.w3"),
    ("encoder.layer.#.mlp", "blocks.#.mlp"),
    ("encoder.layer.#.norm1", "blocks.#.norm1"),
    ("encoder.layer.#.norm2", "blocks.#.norm2"),
    ("layernorm", "norm"),
  ])

  /// The parts of one matrix, from top to bottom.
  private static let projections = NameTable([
    ("encoder.layer.#.attention.attention.query", "blocks.#.attn.qkv"),
    ("encoder.layer.#.attention.attention.key", "blocks.#.attn.qkv"),
    ("encoder.layer.#.attention.attention.value", "blocks.#.attn.qkv"),
  ])

  /// The names within the program since transformers 5; its files keep the others.
  private static let renamed = NameTable([
    ("encoder.layer.#.attention.q_proj", "encoder.layer.#.attention.attention.query"),
    ("encoder.layer.#.attention.k_proj", "encoder.layer.#.attention.attention.key"),
    ("encoder.layer.#.attention.v_proj", "encoder.layer.#.attention.attention.value"),
    ("encoder.layer.#.attention.o_proj", "encoder.layer.#.attention.output.dense"),
  ])

  /// The state dict by its published names.
  static func own(_ state: [String: Tensor]) throws -> [String: Tensor] {
    guard state["embeddings.cls_token"] != nil else { return state }
    var result: [String: Tensor] = [:]
    var parts: [String: [Int: Tensor]] = [:]
    for (name, tensor) in state {
      let name = renamed.own(name)?.name ?? name
      if let (part, known) = projections.own(name) {
        parts[known, default: [:]][part] = tensor
      } else {
        result[table.own(name)?.name ?? name] = tensor
      }
    }
    for (known, parts) in parts { result[known] = try projections.joined(parts, known) }
    return result
  }
}

extension StateDicts {
  /// Brings the state dict of a DINOv2 to the published names.
  ///
  /// Understood are those names and those of Hugging Face's `Dinov2Model`. The mask token, which only
  /// training needs, is left out; some files lack it.
  ///
  /// - Parameter state: name to tensor.
  /// - Returns: the state dict by its published names; only query, key and value are copied.
  /// - Throws: `ModelError` if query, key and value do not fit together.
  public static func dinov2(_ state: [String: Tensor]) throws -> [String: Tensor] {
    var state = try DINOv2Names.own(state)
    state["mask_token"] = nil
    return state
  }
}
