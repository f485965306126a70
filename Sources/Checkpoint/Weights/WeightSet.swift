/// The weights to take from a training's file, which may have those of the last step and their moving
/// average (EMA).
public enum WeightSet: String, Sendable, Codable {
  /// The average if there is one.
  case automatic
  /// The average.
  case averaged
  /// The weights of the last step.
  case last
  /// All tensors under the names that they have in the file, which is then not taken for a model's.
  case all

  /// The error for a file without this set.
  ///
  /// - Parameter unread: averages that are there, and cannot be read.
  /// - Returns: the error.
  func missing(_ unread: [UnreadAverage]) -> CheckpointError {
    if let first = unread.first, self != .last {
      return CheckpointError(
        self == .averaged ? .noAverage : .unsupported,
        "the file may have averaged weights under \(clipped(first.place)), in a form that is not read:"
          + " \(first.form)")
    }
    return switch self {
    case .averaged:
      CheckpointError(.noAverage, "the file has no EMA weights, only one set of weights")
    case .automatic: CheckpointError(.noTensors, "the file has no tensors")
    case .last, .all:
      CheckpointError(
        .noTensors, "the file has averaged weights (EMA) alone, not those of the last step")
    }
  }
}
