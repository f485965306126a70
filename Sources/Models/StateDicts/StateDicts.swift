public import Torch

/// State dicts in other dialects, brought to the names that the models have, and back.
///
/// A name that no dialect knows is kept, so that strict loading reports it.
public enum StateDicts {
  /// Brings a DiT's state dict to the published names.
  ///
  /// Understood are those names, MindSpore's for the same layers, and those of diffusers'
  /// `DiTTransformer2DModel`. Diffusers computes the position embedding on loading, so `pos_embed` is
  /// missing from the result unless the file has it.
  ///
  /// - Parameters:
  ///   - state: name to tensor.
  ///   - partDone: called after each tensor whose elements were read, to release memory.
  /// - Returns: the state dict by its published names; only query, key and value are copied.
  /// - Throws: `ModelError` if the blocks of a diffusers file have different embedders, or query, key
  ///   and value do not fit together.
  public static func dit(
    _ state: [String: Tensor], partDone: () -> Void = {}
  ) throws -> [String: Tensor] {
    let state = REPANames.own(MindSporeNames.own(state))
    guard isDiffusersDiT(state.keys) else { return state }
    return try DiffusersDiTNames.own(state, partDone: partDone)
  }

  /// The beginning of the names of the layers that REPA trains beside a DiT's, to align its features
  /// (Yu et al. 2025, section 3.2); images do not need them.
  public static let repaProjectors = "projectors."

  /// The beginning of the names of LightningDiT's tables of rotations, which are computed here.
  public static let rotations = "feat_rope."

  /// Whether names are those of diffusers' `DiTTransformer2DModel`.
  public static func isDiffusersDiT(_ names: some Sequence<String>) -> Bool {
    DiffusersDiTNames.areUsed(by: Set(names))
  }

  /// Brings a DiT's parameters to the names of diffusers' `DiTTransformer2DModel`.
  ///
  /// Query, key and value come apart, each block gets the embedders, and `pos_embed`, which diffusers
  /// computes, is left out.
  ///
  /// - Parameters:
  ///   - tensors: the parameters by their published names.
  ///   - depth: the number of blocks.
  /// - Returns: the parameters for diffusers, as views.
  public static func diffusersDiT(
    _ tensors: [(name: String, tensor: Tensor)], depth: Int
  ) -> [(name: String, tensor: Tensor)] {
    tensors.flatMap { DiffusersDiTNames.foreign($0.name, $0.tensor, depth: depth) }
  }
}
