private enum Kernels {
  static let normModulate = Operator("dit::norm_modulate")
  static let residualNormModulate = Operator("dit::residual_norm_modulate_")
  static let rmsModulate = Operator("dit::rms_modulate")
  static let residualRMSModulate = Operator("dit::residual_rms_modulate_")

  /// Whether a kernel has the norm: of RMSNorm there are those of the processor alone.
  static func serve(_ kind: NormKind, _ x: Tensor) -> Bool {
    OwnOperators.serve(x) && (kind == .layer || x.isCPU)
  }
}

/// Precomputed vectors for adaptive layer norm: a row for each label, with vectors of width D side by
/// side.
public struct ModulationTable {
  let values: Tensor
  let labels: Tensor

  /// - Parameters:
  ///   - values: `[L, S]`, float32, contiguous.
  ///   - labels: the row of each batch element, `[N]`, int64.
  public init(_ values: Tensor, labels: Tensor) {
    self.values = values
    self.labels = labels
  }

  /// The vectors at an offset in each row.
  public subscript(offset: Int) -> ModulationVector {
    ModulationVector(table: self, offset: offset)
  }
}

/// A vector of width D for each batch element, such as a shift.
public struct ModulationVector {
  let table: ModulationTable
  let offset: Int

  /// The vectors, `[N, 1, D]`, in the tokens' type.
  func values(for x: Tensor) -> Tensor {
    table.values.narrowed(axis: 1, start: offset, count: x.size(2)).gathered(table.labels)
      .to(x.dtype).expandingDims(at: 1)
  }
}

/// Adaptive norm for inference: norm(x) (1 + scale) + shift.
///
/// Source: adaLN, Peebles & Xie 2023, section 3.2.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`
///   - shift: of each batch element.
///   - scale: of the same table.
///   - epsilon: added to the variance, or to the mean square.
///   - kind: the norm.
///   - format: the format of the result; int8 only on a processor, float8 only elsewhere.
/// - Returns: `[N, T, D]`
public func normModulate(
  _ x: Tensor, shift: ModulationVector, scale: ModulationVector, epsilon: Double,
  by kind: NormKind = .layer, as format: ActivationFormat
) -> Activations {
  guard Kernels.serve(kind, x) else {
    let norm = tokenNorm(kind, x, epsilon: epsilon)
    let modulated = shift.values(for: x).addingProduct(norm, scale.values(for: x) + 1)
    return Activations(modulated, as: format)
  }
  let table = shift.table
  let kernel = kind == .layer ? Kernels.normModulate : Kernels.rmsModulate
  let results = kernel.results(
    .tensor(x), .tensor(table.labels), .tensor(table.values), .int(shift.offset),
    .int(scale.offset), .double(epsilon), .dtype(format.kernelType(for: x)), count: 2)
  return Activations(kernelResults: results, format)
}

/// Adds the gated branch, `x += gate y`, then applies `normModulate` to the sum.
///
/// - Parameters:
///   - x: tokens, `[N, T, D]`, contiguous; updated.
///   - y: `[N, T, D]`
///   - gate: of each batch element.
///   - shift: of each batch element; its table has the gate's labels.
///   - scale: of the same table.
///   - epsilon: added to the variance, or to the mean square.
///   - kind: the norm.
///   - format: the format of the result; int8 only on a processor, float8 only elsewhere.
/// - Returns: `[N, T, D]`
public func addAndNormModulate(
  _ x: Tensor, _ y: BranchOutput, gate: ModulationVector, shift: ModulationVector,
  scale: ModulationVector, epsilon: Double, by kind: NormKind = .layer, as format: ActivationFormat
) -> Activations {
  guard Kernels.serve(kind, x) else {
    x.copyInPlace(from: x.addingProduct(gate.values(for: x), y.values))
    return normModulate(x, shift: shift, scale: scale, epsilon: epsilon, by: kind, as: format)
  }
  let isUnknown = x.isCPU && y.values.dtype == .float16
  let values = isUnknown ? y.values.to(.float32) : y.values
  let table = shift.table
  let kernel = kind == .layer ? Kernels.residualNormModulate : Kernels.residualRMSModulate
  let results = kernel.results(
    .tensor(x), .tensor(values), .optional(y.scales?.rows), .optional(y.scales?.columns),
    .optional(y.scales?.bias), .tensor(table.labels), .tensor(gate.table.values),
    .int(gate.offset), .tensor(table.values), .int(shift.offset), .int(scale.offset),
    .double(epsilon), .dtype(format.kernelType(for: x)), count: 2)
  return Activations(kernelResults: results, format)
}

extension ActivationFormat {
  /// The type written by the kernels; float16 is converted afterwards.
  fileprivate func kernelType(for x: Tensor) -> DType {
    x.isCPU && self == .float16 ? .float32 : dtype
  }
}

extension Activations {
  /// Wraps the results of a kernel: values, and scales for 8-bit formats.
  init(kernelResults results: [Tensor], _ format: ActivationFormat) {
    self.init(
      values: results[0].to(format.dtype), scales: format.dtype.byteCount == 1 ? results[1] : nil)
  }
}
