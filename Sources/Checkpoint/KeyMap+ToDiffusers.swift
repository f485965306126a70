public import Torch

extension KeyMap {
  /// Brings a DiT's parameters to the names of diffusers' `DiTTransformer2DModel`, the reverse of
  /// `dit`.
  ///
  /// Query, key and value come apart, each block gets the embedders, and `pos_embed` is left out,
  /// which diffusers computes.
  ///
  /// - Parameters:
  ///   - tensors: the parameters by their published names.
  ///   - depth: the number of blocks.
  /// - Returns: the same for diffusers; nothing is copied.
  public static func diffusersDiT(
    _ tensors: [(name: String, tensor: Tensor)], depth: Int
  ) -> [(name: String, tensor: Tensor)] {
    tensors.flatMap { name, tensor -> [(name: String, tensor: Tensor)] in
      let parts = name.split(separator: ".").map(String.init)
      guard name != "pos_embed", let kind = parts.last else { return [] }
      let base = parts.dropLast().joined(separator: ".")
      if let end = foreign(base, ditEnds) { return [("\(end).\(kind)", tensor)] }
      if let embedder = foreign(base, ditEmbedders) {
        return (0..<depth).map { ("transformer_blocks.\($0).\(embedder).\(kind)", tensor) }
      }
      guard parts.count > 3, parts[0] == "blocks" else { return [(name, tensor)] }
      let block = "transformer_blocks.\(parts[1])"
      let member = parts[2..<parts.count - 1].joined(separator: ".")
      if member == "attn.qkv", tensor.size(0).isMultiple(of: 3) {
        let count = tensor.size(0) / 3
        return ["q", "k", "v"].enumerated().map { index, part in
          ("\(block).attn1.to_\(part).\(kind)", tensor[count * index..<count * (index + 1)])
        }
      }
      return [("\(block).\(foreign(member, ditMembers) ?? member).\(kind)", tensor)]
    }
  }

  private static func foreign(_ known: String, _ names: [String: String]) -> String? {
    names.first { $0.value == known }?.key
  }
}
