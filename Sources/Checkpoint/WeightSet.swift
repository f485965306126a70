/// Which weights to take from the file of a training, which has those of the last step and their
/// average over the steps (EMA).
public enum WeightSet: Sendable {
  /// The average if there is one.
  case automatic
  /// The average.
  case averaged
  /// Those of the last step.
  case last

  /// The error for a file without an average.
  var missing: CheckpointError {
    CheckpointError(
      .noTensors,
      "the file has no EMA weights (under 'ema', 'model_ema' or 'ema_state_dict'); it has one set"
        + " of weights, which is taken if EMA is not asked for")
  }
}
