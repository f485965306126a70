private enum Gating {
  static let swiGLU = Operator("dit::swiglu")
}

extension Activations {
  /// silu(gate) value (Shazeer 2020, equation 6).
  ///
  /// - Parameters:
  ///   - output: gates, then values, side by side, `[..., 2 N]`
  ///   - format: the format of the next layer.
  init(gating output: BranchOutput, as format: ActivationFormat) {
    let numbers = output.values
    guard numbers.isCPU, format != .float16, numbers.dtype != .float16,
      output.scales != nil || OwnOperators.areUsable
    else {
      let parts = numbers.chunks(2, axis: -1)
      self.init(silu(parts[0]) * parts[1], as: format)
      return
    }
    let results = Gating.swiGLU.results(
      .tensor(numbers), .optional(output.scales?.rows), .optional(output.scales?.columns),
      .optional(output.scales?.bias), .dtype(format.dtype), count: 2)
    self.init(values: results[0], scales: format == .int8 ? results[1] : nil)
  }
}
