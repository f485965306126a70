internal import Foundation
public import Torch

extension KeyMap {
  /// Brings a DiT's state dict to the names of the published checkpoints.
  ///
  /// Understood are those names themselves, MindSpore's for the same layers, and those of diffusers'
  /// `DiTTransformer2DModel`, which has query, key and value apart, keeps the embedders in every
  /// block and computes the position embedding when it is loaded: `pos_embed` is then not in the
  /// result unless the file has it.
  ///
  /// - Parameters:
  ///   - state: name to tensor.
  ///   - partDone: called whenever a tensor's elements were read, so that memory can be let go of.
  /// - Returns: the same by the published names; query, key and value, and those alone, are copied.
  /// - Throws: `CheckpointError` if the blocks of a diffusers file have different embedders, or
  ///   query, key and value do not go together.
  public static func dit(
    _ state: [String: Tensor], partDone: () -> Void = {}
  ) throws -> [String: Tensor] {
    let names = withoutMindSpore(state)
    guard isDiffusersDiT(names.keys) else { return names }
    var result: [String: Tensor] = [:]
    var projections: [String: [String: Tensor]] = [:]
    for (name, tensor) in names.sorted(by: { $0.key < $1.key }) {
      switch place(of: name) {
      case .alone(let known): result[known] = tensor
      case .shared(let known):
        if let other = result[known], !hasSameBytes(other, tensor) {
          throw CheckpointError(
            .unsupported,
            "the blocks of the model have different embedders ('\(name)' is not as in the first"
              + " block); a DiT has one for all")
        }
        result[known] = tensor
        partDone()
      case .part(let known, let part): projections[known, default: [:]][part] = tensor
      }
    }
    for (known, parts) in projections {
      result[known] = try joined(parts, known)
      partDone()
    }
    return result
  }

  /// Whether names are those of diffusers' DiT.
  public static func isDiffusersDiT(_ names: some Sequence<String>) -> Bool {
    let names = Set(names)
    return names.contains("pos_embed.proj.weight")
      && names.contains("transformer_blocks.0.attn1.to_q.weight")
  }

  /// Where a tensor of diffusers belongs.
  private enum Place {
    /// It is a parameter by itself.
    case alone(String)
    /// Each block has a copy of it.
    case shared(String)
    /// It is one of the parts "q", "k" and "v".
    case part(String, String)
  }

  static let ditMembers = [
    "attn1.to_out.0": "attn.proj", "ff.net.0.proj": "mlp.fc1", "ff.net.2": "mlp.fc2",
    "norm1.linear": "adaLN_modulation.1",
  ]
  static let ditEmbedders = [
    "norm1.emb.timestep_embedder.linear_1": "t_embedder.mlp.0",
    "norm1.emb.timestep_embedder.linear_2": "t_embedder.mlp.2",
    "norm1.emb.class_embedder.embedding_table": "y_embedder.embedding_table",
  ]
  static let ditEnds = [
    "pos_embed.proj": "x_embedder.proj", "proj_out_1": "final_layer.adaLN_modulation.1",
    "proj_out_2": "final_layer.linear",
  ]

  private static func place(of name: String) -> Place {
    if name == "pos_embed.pos_embed" { return .alone("pos_embed") }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 1, let kind = parts.last else { return .alone(name) }
    if let end = ditEnds[parts.dropLast().joined(separator: ".")] {
      return .alone("\(end).\(kind)")
    }
    guard parts.count > 3, parts[0] == "transformer_blocks" else { return .alone(name) }
    let block = "blocks.\(parts[1])"
    let member = parts[2..<parts.count - 1].joined(separator: ".")
    if let embedder = ditEmbedders[member] { return .shared("\(embedder).\(kind)") }
    if let known = ditMembers[member] { return .alone("\(block).\(known).\(kind)") }
    if ["attn1.to_q", "attn1.to_k", "attn1.to_v"].contains(member) {
      return .part("\(block).attn.qkv.\(kind)", String(member.suffix(1)))
    }
    return .alone(name)
  }

  /// Query, key and value, one above the other.
  private static func joined(_ parts: [String: Tensor], _ name: String) throws -> Tensor {
    let tensors = ["q", "k", "v"].compactMap { parts[$0] }
    guard tensors.count == 3, let first = tensors.first, first.rank > 0,
      tensors.allSatisfy({ $0.shape == first.shape && $0.dtype == first.dtype })
    else {
      throw CheckpointError(
        .unsupported,
        "query, key and value for '\(name)' are not all there, or differ in shape or type")
    }
    return withoutGradients { concatenated(tensors) }
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
