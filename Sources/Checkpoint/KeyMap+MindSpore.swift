internal import Torch

extension KeyMap {
  /// What MindSpore's layers call their parameters, and PyTorch's names for the same.
  private static let mindSporeMembers = [
    "gamma": "weight", "beta": "bias", "embedding_table": "weight", "moving_mean": "running_mean",
    "moving_variance": "running_var",
  ]

  /// The names of norms and embeddings as PyTorch has them; others, and names whose counterpart is
  /// there as well, are kept.
  static func withoutMindSpore(_ state: [String: Tensor]) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (name, tensor) in state {
      var known = name
      if let dot = name.lastIndex(of: "."),
        let member = mindSporeMembers[String(name[name.index(after: dot)...])]
      {
        known = name[...dot] + member
      }
      result[state[known] == nil ? known : name] = tensor
    }
    return result
  }
}
