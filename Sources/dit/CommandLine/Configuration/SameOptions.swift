internal import Inference

/// Keys of MindONE that mean the same as an option of ours.
enum SameOptions {
  private struct Pair {
    let theirs: String
    let ours: String
    /// Whether two values say the same.
    let agree: (_ theirs: String, _ ours: String) -> Bool
  }

  private static var pairs: [Pair] {
    [
      Pair(theirs: "pretrained-model-path", ours: "dit-checkpoint", agree: ==),
      Pair(theirs: "ms-mode", ours: "mode") {
        ExecutionMode(argument: $0) == ExecutionMode(argument: $1)
      },
      Pair(theirs: "device-target", ours: "device") { target, device in
        device == "auto" || target == "Ascend" || device.hasPrefix(target == "CPU" ? "cpu" : "cuda")
      },
      Pair(theirs: "dtype", ours: "precision") { dtype, precision in
        let formats = [dtype, precision].map { Precision(argument: $0) }
        return formats[0] == formats[1] || formats.contains(.auto)
      },
      Pair(theirs: "use-fp16", ours: "precision", agree: isFloat16),
      Pair(theirs: "use-fp16", ours: "dtype", agree: isFloat16),
    ]
  }

  private static func isFloat16(_ flag: String, _ format: String) -> Bool {
    let format = Precision(argument: format)
    return format == .auto || (flag == "true") == (format == .fp16)
  }

  /// The settings of the same meaning whose values differ, by two.
  static func contradictions(among settings: [Setting]) -> [(Setting, Setting)] {
    pairs.compactMap { pair in
      guard let theirs = settings.first(where: { $0.name == pair.theirs }),
        let ours = settings.first(where: { $0.name == pair.ours }),
        !pair.agree(theirs.value, ours.value)
      else { return nil }
      return (theirs, ours)
    }
  }
}
