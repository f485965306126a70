internal import Torch

/// The names of TAESD, whose encoder and decoder are an `nn.Sequential` each.
///
/// Source: https://github.com/madebyollin/taesd, `taesd.py`. The decoder begins with a clamp, which
/// diffusers does not count as a layer.
enum TAESDNames {
  /// The state dict in diffusers' names; nil if the names are not TAESD's.
  static func own(_ state: [String: Tensor]) -> [String: Tensor]? {
    guard let halves = halves(state) else { return nil }
    var result: [String: Tensor] = [:]
    for (name, tensor) in state {
      var known = name
      for (prefix, half) in halves where name.hasPrefix(prefix) {
        let parts = name.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let number = NameTable.number(parts[0]) else { continue }
        known = "\(half).layers.\(half == "decoder" ? number - 1 : number).\(parts[1])"
      }
      result[known] = tensor
    }
    return result
  }

  /// The prefix of each half's names, empty for a half by itself; nil for other models.
  private static func halves(_ state: [String: Tensor]) -> [String: String]? {
    if state["encoder.0.weight"] != nil || state["decoder.1.weight"] != nil {
      return ["encoder.": "encoder", "decoder.": "decoder"]
    }
    if state["0.weight"] != nil, state["1.conv.0.weight"] != nil { return ["": "encoder"] }
    if state["1.weight"] != nil, state["3.conv.0.weight"] != nil { return ["": "decoder"] }
    return nil
  }
}
