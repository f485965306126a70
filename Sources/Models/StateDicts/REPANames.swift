internal import Torch

/// The names of early checkpoints of REPA, whose blocks from the 8th on are in a list of their own.
///
/// Source: `load_legacy_checkpoints` of REPA's code.
enum REPANames {
  private static let prefix = "decoder_blocks."
  /// Blocks before the first of the second list.
  private static let encoderDepth = 8

  /// The state dict with one list of blocks. A name stays if another tensor has its new name.
  static func own(_ state: [String: Tensor]) -> [String: Tensor] {
    guard state.keys.contains(where: { $0.hasPrefix(prefix) }) else { return state }
    var result: [String: Tensor] = [:]
    for (name, tensor) in state {
      let known = own(name) ?? name
      result[state[known] == nil ? known : name] = tensor
    }
    return result
  }

  private static func own(_ name: String) -> String? {
    guard name.hasPrefix(prefix) else { return nil }
    let parts = name.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
    guard parts.count == 2, let index = NameTable.number(parts[0]) else { return nil }
    return "blocks.\(index + encoderDepth).\(parts[1])"
  }
}
