/// Something that was chosen or left out when a checkpoint was opened.
public enum CheckpointNote: Sendable, Equatable, CustomStringConvertible {
  /// A state dict was found under these keys, next to others that were left out.
  case tookStateDict(keys: [String], isAveraged: Bool, leftOut: [String])
  /// Values of a state dict that are not tensors were left out.
  case leftOutValues([String])
  /// A number of the training was left out.
  case leftOutCounter(String)
  /// All names began with a wrapper's prefix, which was removed.
  case removedPrefix(String)
  /// The file has no checksums.
  case noChecksums
  /// The file is of PyTorch's format before version 1.6, which has no checksums.
  case oldPyTorchFormat
  /// A half of an autoencoder was found in a file of its own.
  case half(AutoencoderHalf, fileName: String)

  /// A sentence for the user.
  public var description: String {
    switch self {
    case .tookStateDict(let keys, let isAveraged, let leftOut):
      "took '\(keys.joined(separator: "."))'\(isAveraged ? " (EMA weights)" : "")"
        + (leftOut.isEmpty ? "" : "; left out \(CheckpointNote.list(leftOut))")
    case .leftOutValues(let names): "left out \(CheckpointNote.list(names)), not being tensors"
    case .leftOutCounter(let name): "left out \(clipped(name)), a number of the training"
    case .removedPrefix(let prefix): "took '\(prefix)' off the front of every name"
    case .noChecksums: "the file was saved without checksums"
    case .oldPyTorchFormat: "the file is of the format before PyTorch 1.6, without checksums"
    case .half(let half, let fileName): "the \(half.rawValue) is '\(fileName)'"
    }
  }

  private static func list(_ names: [String]) -> String {
    let rest = names.count - 8
    return names.prefix(8).map { clipped($0) }.joined(separator: ", ")
      + (rest > 0 ? " and \(rest) more" : "")
  }
}
