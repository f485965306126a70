internal import Checkpoint

/// What a file left open about its model, or has besides, and how it was settled.
public enum StateFinding: Sendable, Equatable, CustomStringConvertible {
  /// The table of sines and cosines, which files of diffusers leave out, was computed.
  case computedPositions
  /// A prefix was removed from the model's names; the file has other tensors, which were left out.
  case removedPrefix(String, leftOut: [String])
  /// Numbers beside the weights were left out.
  case leftOutNumbers([String])
  /// Parts that only training needs were left out: their names' beginning.
  case leftOutTrainingParts(String)
  /// Tables that are computed were left out: their names' beginning.
  case leftOutTables(String)
  /// The class table has a row for each class and none for no class.
  case noNullClass(classCount: Int)
  /// A field has one value in the file's own metadata, which counts, and another in diffusers'
  /// configuration next to it.
  case ownField(String, value: String, other: String, path: String)

  /// A sentence for the user.
  public var description: String {
    switch self {
    case .computedPositions: "computed the position embedding, which the file lacks"
    case .removedPrefix(let prefix, let leftOut):
      "took '\(prefix)' off the front of the model's names"
        + (leftOut.isEmpty ? "" : "; left out \(nameList(leftOut))")
    case .leftOutNumbers(let names): "left out \(nameList(names)), numbers beside the weights"
    case .leftOutTrainingParts(let name): "left out \(name), which only training needs"
    case .leftOutTables(let name):
      "left out \(name), tables that are computed"
    case .noNullClass(let count):
      "the class table has \(count) rows for \(count) classes, and none for no class"
    case .ownField(let name, let value, let other, let path):
      "\(name) is \(value), as the file's own metadata says, and not \(other) as in '\(path)'"
    }
  }
}
