/// The weights to take from a training's file, which may have those of the last step and their moving
/// average (EMA).
public enum WeightSet: String, Sendable, Codable {
  /// The average if there is one.
  case automatic
  /// The average.
  case averaged
  /// The weights of the last step.
  case last

  /// The error for a file without an average.
  var missing: CheckpointError {
    CheckpointError(
      .noAverage,
      "the file has no EMA weights (under 'ema', 'model_ema' or 'ema_state_dict'), only one set of"
        + " weights")
  }
}
