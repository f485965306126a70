/// Something that was chosen or left out when a checkpoint was opened.
public enum CheckpointNote: Sendable, Equatable, CustomStringConvertible {
  /// A state dict was found under these keys, next to others that were left out.
  case tookStateDict(keys: [String], isAveraged: Bool, leftOut: [String])
  /// The weights are those of PyTorch's `AveragedModel`.
  case averagedModel
  /// Other averages (EMA) than the one that was taken.
  case otherAverages([String])
  /// Weights that are not averaged, because the averages lack them.
  case completedAverage([String])
  /// Averaged weights are there in a form that is not read.
  case unreadAverage(place: String, form: String)
  /// Values of a state dict that are not tensors were left out.
  case leftOutValues([String])
  /// A number of the training was left out.
  case leftOutCounter(String)
  /// Numbers beside averaged weights were left out.
  case leftOutNumbers([String])
  /// An optimizer's state was left out, under these names.
  case leftOutOptimizer([String])
  /// Tensors whose element type is none that is computed in.
  case foreignTypes([ForeignTensor])
  /// All names began with a wrapper's prefix, which was removed.
  case removedPrefix(String)
  /// Wrappers' parts were removed from names.
  case removedParts([String])
  /// The file has no checksums.
  case noChecksums
  /// The file is of PyTorch's format before version 1.6, which has no checksums.
  case oldPyTorchFormat
  /// Diffusers' table of classes has no name for a number, so that its names are not used.
  case incompleteClassNames(path: String, count: Int, missing: Int)
  /// The file has class names of its own, which are used, and diffusers' table others.
  case ownClassNames
  /// A half of an autoencoder was found in a file of its own.
  case half(AutoencoderHalf, fileName: String)

  /// A sentence for the user.
  public var description: String {
    switch self {
    case .tookStateDict(let keys, let isAveraged, let leftOut):
      (keys.isEmpty ? "took the weights of the last step" : "took '\(keys.joined(separator: "."))'")
        + (isAveraged ? " (EMA weights)" : "")
        + (leftOut.isEmpty ? "" : "; left out \(nameList(leftOut))")
    case .averagedModel: "these are averaged weights, of an AveragedModel"
    case .otherAverages(let names):
      "left out \(names.count) other set\(names.count == 1 ? "" : "s") of EMA weights:"
        + " \(nameList(names))"
    case .completedAverage(let names):
      "the EMA weights lack \(nameList(names)), taken from the weights of the last step"
    case .unreadAverage(let place, let form):
      "took the weights of the last step: \(clipped(place)) may be EMA weights, in a form that is not"
        + " read (\(form))"
    case .leftOutValues(let names): "left out \(nameList(names)), not being tensors"
    case .leftOutCounter(let name): "left out \(clipped(name)), a number of the training"
    case .leftOutNumbers(let names): "left out \(nameList(names)), not being weights"
    case .leftOutOptimizer(let names):
      "left out \(nameList(names)), the state of an optimizer"
    case .foreignTypes(let tensors):
      "left out \(nameList(tensors.map(\.name))), of types that are not computed in ("
        + Set(tensors.map(\.type)).sorted().joined(separator: ", ") + ")"
    case .removedPrefix(let prefix): "took '\(prefix)' off the front of every name"
    case .removedParts(let parts): "took \(nameList(parts)) out of the names"
    case .noChecksums: "the file was saved without checksums"
    case .oldPyTorchFormat: "the file is of the format before PyTorch 1.6, without checksums"
    case .incompleteClassNames(let path, let count, let missing):
      "'\(path)' names \(count) classes, but not class \(missing): its names are not used"
    case .ownClassNames:
      "took the class names in the file's own metadata, which are not those of model_index.json"
    case .half(let half, let fileName): "the \(half.rawValue) is '\(fileName)'"
    }
  }
}
