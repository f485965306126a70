internal import Torch

/// Looks for NaN and infinite numbers among the weights that training starts from.
enum WeightCheck {
  /// Checks that all numbers of some tensors are finite.
  ///
  /// - Parameters:
  ///   - tensors: by name; read completely.
  ///   - path: where they come from.
  /// - Throws: `TrainingError`, `weightsNotFinite`, that names the first tensor with other numbers;
  ///   `TorchError` if memory does not suffice.
  static func check(_ tensors: some Sequence<(String, Tensor)>, of path: String) throws {
    var faults: [(name: String, count: Int)] = []
    for (name, tensor) in tensors {
      let count = try withTorchErrors {
        withoutGradients {
          tensor.isFinite.allTrue
            ? 0 : tensor.count - Int(tensor.isFinite.to(.float64).sum().item)
        }
      }
      if count > 0 { faults.append((name, count)) }
    }
    guard let first = faults.first else { return }
    throw TrainingError(
      .weightsNotFinite,
      "'\(path)': \(first.count) of the numbers of '\(first.name)' are NaN or infinite"
        + (faults.count > 1 ? ", and so are some of \(faults.count - 1) more tensors" : ""))
  }
}
