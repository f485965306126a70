internal import Torch

/// The names of parameters in MindSpore's layers.
enum MindSporeNames {
  /// The last part of a name, in MindSpore and in PyTorch.
  private static let members: [(foreign: String, own: String)] = [
    ("gamma", "weight"), ("beta", "bias"), ("embedding_table", "weight"),
    ("moving_mean", "running_mean"), ("moving_variance", "running_var"),
  ]

  /// The state dict with norms and embeddings named as in PyTorch. A name stays if the state dict has
  /// PyTorch's name too, or another name for it.
  static func own(_ state: [String: Tensor]) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (name, tensor) in state.sorted(by: { $0.key < $1.key }) {
      let known = replacingLastPart(of: name) { part in members.first { $0.foreign == part }?.own }
      result[state[known] == nil && result[known] == nil ? known : name] = tensor
    }
    return result
  }

  /// MindSpore's name for a parameter of a norm.
  static func norm(_ name: String) -> String {
    replacingLastPart(of: name) { part in members.first { $0.own == part }?.foreign }
  }

  private static func replacingLastPart(
    of name: String, _ replacement: (Substring) -> String?
  ) -> String {
    guard let dot = name.lastIndex(of: "."),
      let part = replacement(name[name.index(after: dot)...])
    else { return name }
    return name[...dot] + part
  }
}
