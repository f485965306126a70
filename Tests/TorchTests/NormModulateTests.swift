internal import TestSupport
internal import Testing
internal import Torch

/// Tokens with modulation for two labels, and the expected results by plain operators.
struct ModulationCase {
  let x: Tensor
  let residual: Tensor
  let labels = Tensor([1, 0, 1])
  let tableValues: Tensor
  let width: Int

  /// Includes widths that are no multiple of a vector.
  static let shapes = [[3, 1, 1], [3, 1, 7], [3, 5, 16], [3, 4, 33], [3, 9, 131]]

  init(_ shape: [Int]) throws {
    let generator = try Generator(seed: 7)
    width = shape[2]
    x = Tensor.randn(shape, generator: generator) * 3 + 1
    residual = Tensor.randn(shape, generator: generator)
    // An unused vector, then shift, scale and gate.
    tableValues = Tensor.randn([2, 4 * width], generator: generator)
  }

  private var table: ModulationTable { ModulationTable(tableValues, labels: labels) }

  private func vectors(_ place: Int) -> Tensor {
    tableValues.narrowed(axis: 1, start: place * width, count: width)
      .gathered(labels).expandingDims(at: 1)
  }

  func normModulated(_ x: Tensor, by kind: NormKind = .layer) -> Tensor {
    let norm =
      kind == .layer
      ? layerNorm(x, epsilon: 1e-6)
      : x / (x.squared.mean(axes: [2], keepingDims: true) + 1e-6).squareRoot
    return norm * (vectors(2) + 1) + vectors(1)
  }

  var sum: Tensor { x + vectors(3) * residual }

  func fused(
    _ x: Tensor, by kind: NormKind = .layer, as format: ActivationFormat
  ) -> Activations {
    normModulate(
      x, shift: table[width], scale: table[2 * width], epsilon: 1e-6, by: kind, as: format)
  }

  func fused(
    _ x: Tensor, by kind: NormKind = .layer, adding residual: BranchOutput,
    as format: ActivationFormat
  ) -> Activations {
    addAndNormModulate(
      x, residual, gate: table[3 * width], shift: table[width], scale: table[2 * width],
      epsilon: 1e-6, by: kind, as: format)
  }
}

extension ActivationFormat {
  /// All formats; int8 only with our kernels, which quantize.
  static let quantizable = allCases.filter { $0 != .int8 || Processor.hasOwnKernels }

  /// The tolerance of the format's rounding.
  var tolerance: Double {
    switch self {
    case .float32: Tolerance.float32
    case .float16: 0x1p-10
    case .bfloat16: 0x1p-7
    case .int8: 0.006
    case .float8: 0x1p-4
    }
  }
}

@Suite struct NormModulateTests {
  /// The formats of the CPU kernels.
  private static let formats = ActivationFormat.quantizable.filter { $0 != .float8 }

  @Test(arguments: ModulationCase.shapes, formats)
  func normalizesAndModulates(_ shape: [Int], _ format: ActivationFormat) throws {
    let values = try ModulationCase(shape)
    let rows = values.fused(values.x, as: format)
    #expect(rows.values.dtype == format.dtype)
    #expect(
      relativeError(rows.numbers, values.normModulated(values.x)) < format.tolerance)
  }

  @Test(arguments: ModulationCase.shapes, formats)
  func addsResidualsBeforeTheNorm(_ shape: [Int], _ format: ActivationFormat) throws {
    let values = try ModulationCase(shape)
    let expected = values.sum
    let x = values.x.cloned
    let rows = values.fused(x, adding: BranchOutput(values.residual), as: format)
    #expect(relativeError(x, expected) < Tolerance.float32)
    #expect(relativeError(rows.numbers, values.normModulated(expected)) < format.tolerance)
  }

  @Test(arguments: ModulationCase.shapes, formats)
  func dividesByTheRootOfTheMeanSquare(_ shape: [Int], _ format: ActivationFormat) throws {
    let values = try ModulationCase(shape)
    let rows = values.fused(values.x, by: .rms, as: format)
    let expected = values.normModulated(values.x, by: .rms)
    #expect(relativeError(rows.numbers, expected) < format.tolerance)
    let x = values.x.cloned
    let sums = values.fused(x, by: .rms, adding: BranchOutput(values.residual), as: format)
    #expect(relativeError(x, values.sum) < Tolerance.float32)
    let normalized = values.normModulated(values.sum, by: .rms)
    #expect(relativeError(sums.numbers, normalized) < format.tolerance)
  }

  @Test(arguments: [DType.bfloat16, .float16])
  func addsResidualsOfHalfPrecision(_ dtype: DType) throws {
    let values = try ModulationCase([3, 4, 33])
    let x = values.x.cloned
    _ = values.fused(x, adding: BranchOutput(values.residual.to(dtype)), as: .float32)
    #expect(relativeError(x, values.sum) < 0.01)
    #expect(relativeError(x, values.x) > 0.1)
  }

  @Test func acceptsStridedTokens() throws {
    let values = try ModulationCase([3, 4, 33])
    let x = values.x.transposed(1, 2).contiguous.transposed(1, 2)
    let residual = values.residual.transposed(1, 2).contiguous.transposed(1, 2)
    #expect(!x.isContiguous && !residual.isContiguous)
    #expect(
      relativeError(values.fused(x, as: .float32).numbers, values.normModulated(values.x))
        < Tolerance.float32)
    let sum = values.x.cloned
    _ = values.fused(sum, adding: BranchOutput(residual), as: .float32)
    #expect(relativeError(sum, values.sum) < Tolerance.float32)
  }

  @Test(.ownKernels) func rejectsTokensThatCannotBeUpdatedInPlace() throws {
    let values = try ModulationCase([3, 4, 33])
    let x = values.x.transposed(1, 2).contiguous.transposed(1, 2)
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors {
        _ = values.fused(x, adding: BranchOutput(values.residual), as: .float32)
      }
    }
    #expect(try #require(error).message.contains("contiguous"))
  }

  @Test func rejectsAnUnknownLabel() throws {
    let values = try ModulationCase([3, 4, 33])
    #expect(throws: TorchError.self) {
      try withTorchErrors {
        let table = ModulationTable(values.tableValues, labels: Tensor([0, 2, 1]))
        _ = normModulate(
          values.x, shift: table[0], scale: table[33], epsilon: 1e-6, as: .float32)
      }
    }
  }

  @Test func keepsNaNInBFloat16() throws {
    let values = try ModulationCase([3, 4, 33])
    values.x[1][2].fillInPlace(.nan)
    let rows = values.fused(values.x, as: .bfloat16).numbers
    #expect(!rows[1][2].isFinite.anyTrue)
    #expect(rows[0].isFinite.allTrue)
  }
}
