private enum Fused {
  static let normModulate = Operator("dit::norm_modulate")
  static let residualNormModulate = Operator("dit::residual_norm_modulate_")
}

/// Vectors for adaptive layer norm: for each label a row of vectors of width D side by side.
public struct ModulationTable {
  /// `[L, S]`, float32, contiguous.
  public let values: Tensor

  /// A table over `[L, S]`.
  public init(_ values: Tensor) { self.values = values }

  /// The vectors at a place, for the rows of some tokens: `[N, 1, D]`, in the tokens' type.
  func vectors(at place: Int, for x: Tensor, labels: Tensor) -> Tensor {
    values.narrowed(axis: 1, start: place, count: x.size(2)).gathered(labels).to(x.dtype)
      .expandingDims(at: 1)
  }
}

/// Normalizes tokens and applies each row's scale and shift: norm(x) (1 + scale) + shift.
///
/// Source: adaLN, Peebles & Xie 2023, section 3.2.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - labels: each row's place in the table, `[N]`, int64
///   - table: where the vectors are.
///   - shift: where the shift begins in a row of the table.
///   - scale: where the scale begins.
///   - epsilon: added to the variance.
///   - format: of the result; bytes only on a processor, float8 not there.
/// - Returns: `[N, T, D]`
public func normModulate(
  _ x: Tensor, labels: Tensor, table: ModulationTable, shift: Int, scale: Int, epsilon: Double,
  as format: ActivationFormat
) -> Activations {
  guard OwnOperators.serve(x) else {
    let norm = layerNorm(x, epsilon: epsilon)
    let modulated = table.vectors(at: shift, for: x, labels: labels)
      .addingProduct(norm, table.vectors(at: scale, for: x, labels: labels) + 1)
    return Activations(modulated, as: format)
  }
  let results = Fused.normModulate.results(
    .tensor(x), .tensor(labels), .tensor(table.values), .int(shift), .int(scale),
    .double(epsilon), .dtype(format.kernelType(for: x)), count: 2)
  return Activations(kernelResults: results, format)
}

/// Adds gate times residual to the tokens in place, then does what `normModulate` does.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`, contiguous; updated.
///   - residual: `[N, T, D]`
///   - labels: each row's place in the tables, `[N]`, int64
///   - gates: where the gate is, at `gate` in each row; it may be the same table as `table`.
///   - gate: where the gate begins in a row of `gates`.
///   - table: where shift and scale are.
///   - shift: where the shift begins in a row of the table.
///   - scale: where the scale begins.
///   - epsilon: added to the variance.
///   - format: of the result; bytes only on a processor, float8 not there.
/// - Returns: `[N, T, D]`
public func addResidualAndNormModulate(
  _ x: Tensor, residual: BranchOutput, labels: Tensor, gates: ModulationTable, gate: Int,
  table: ModulationTable, shift: Int, scale: Int, epsilon: Double, as format: ActivationFormat
) -> Activations {
  guard OwnOperators.serve(x) else {
    let factor = gates.vectors(at: gate, for: x, labels: labels)
    x.copyInPlace(from: x.addingProduct(factor, residual.values))
    return normModulate(
      x, labels: labels, table: table, shift: shift, scale: scale, epsilon: epsilon, as: format)
  }
  let isUnknown = x.isCPU && residual.values.dtype == .float16
  let values = isUnknown ? residual.values.to(.float32) : residual.values
  let results = Fused.residualNormModulate.results(
    .tensor(x), .tensor(values), .optional(residual.scales?.rows),
    .optional(residual.scales?.columns), .optional(residual.scales?.bias), .tensor(labels),
    .tensor(gates.values), .int(gate), .tensor(table.values), .int(shift), .int(scale),
    .double(epsilon), .dtype(format.kernelType(for: x)), count: 2)
  return Activations(kernelResults: results, format)
}

extension ActivationFormat {
  /// The nearest type that the kernels write.
  fileprivate func kernelType(for x: Tensor) -> DType {
    x.isCPU && self == .float16 ? .float32 : dtype
  }
}

extension Activations {
  /// What a kernel returned: values, and scales that mean something in 8 bits alone.
  init(kernelResults results: [Tensor], _ format: ActivationFormat) {
    self.init(
      values: results[0].to(format.dtype), scales: format.dtype.byteCount == 1 ? results[1] : nil)
  }
}
