internal import Foundation
internal import Torch

/// The names of diffusers' `DiTTransformer2DModel`.
///
/// Source: diffusers, `scripts/convert_dit_to_diffusers.py`. Each block has a copy of the embedders,
/// and its query, key and value lie apart.
enum DiffusersDiTNames {
  private static let table = NameTable([
    ("pos_embed.pos_embed", "pos_embed"),
    ("pos_embed.proj", "x_embedder.proj"),
    ("transformer_blocks.#.norm1.emb.timestep_embedder.linear_1", "t_embedder.mlp.0"),
    ("transformer_blocks.#.norm1.emb.timestep_embedder.linear_2", "t_embedder.mlp.2"),
    ("transformer_blocks.#.norm1.emb.class_embedder.embedding_table", "y_embedder.embedding_table"),
    ("transformer_blocks.#.norm1.linear", "blocks.#.adaLN_modulation.1"),
    ("transformer_blocks.#.attn1.to_out.0", "blocks.#.attn.proj"),
    ("transformer_blocks.#.ff.net.0.proj", "blocks.#.mlp.fc1"),
    ("transformer_blocks.#.ff.net.2", "blocks.#.mlp.fc2"),
    ("proj_out_1", "final_layer.adaLN_modulation.1"),
    ("proj_out_2", "final_layer.linear"),
  ])

  /// The parts of one matrix, from top to bottom.
  private static let projections = NameTable([
    ("transformer_blocks.#.attn1.to_q", "blocks.#.attn.qkv"),
    ("transformer_blocks.#.attn1.to_k", "blocks.#.attn.qkv"),
    ("transformer_blocks.#.attn1.to_v", "blocks.#.attn.qkv"),
  ])

  /// Whether names are those of this dialect.
  static func areUsed(by names: Set<String>) -> Bool {
    names.contains("pos_embed.proj.weight")
      && names.contains("transformer_blocks.0.attn1.to_q.weight")
  }

  /// The state dict by its published names.
  static func own(_ state: [String: Tensor], partDone: () -> Void) throws -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    var parts: [String: [Int: Tensor]] = [:]
    for (name, tensor) in state.sorted(by: { $0.key < $1.key }) {
      if let (part, known) = projections.own(name) {
        parts[known, default: [:]][part] = tensor
        continue
      }
      let known = table.own(name)?.name ?? name
      if let other = result[known] {
        guard hasSameBytes(other, tensor) else {
          throw ModelError(
            "the blocks of the model have different embedders ('\(name)' is not as in the first"
              + " block); a DiT has one for all")
        }
        partDone()
      }
      result[known] = tensor
    }
    for (known, parts) in parts {
      result[known] = try projections.joined(parts, known)
      partDone()
    }
    return result
  }

  /// A published parameter's names and tensors in this dialect, for each block if each has a copy.
  static func foreign(
    _ name: String, _ tensor: Tensor, depth: Int
  ) -> [(name: String, tensor: Tensor)] {
    guard name != "pos_embed" else { return [] }
    let parts = projections.foreign(name)
    guard parts.isEmpty else {
      let rows = tensor.size(0) / parts.count
      return parts.enumerated().map { ($1, tensor[rows * $0..<rows * ($0 + 1)]) }
    }
    let known = table.foreign(name).first ?? name
    guard known.contains("#") else { return [(known, tensor)] }
    return (0..<depth).map { (known.replacing("#", with: String($0)), tensor) }
  }

  private static func hasSameBytes(_ a: Tensor, _ b: Tensor) -> Bool {
    guard a.shape == b.shape, a.dtype == b.dtype else { return false }
    return a.contiguous.withUnsafeBytes { x in
      b.contiguous.withUnsafeBytes { y in
        guard let first = x.baseAddress, let second = y.baseAddress else { return true }
        return memcmp(first, second, x.count) == 0
      }
    }
  }
}
