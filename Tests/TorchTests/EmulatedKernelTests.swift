internal import CTorchTesting
internal import TestSupport
internal import Testing
@testable internal import Torch

/// The operators of NVIDIA GPUs: the library's own code and kernels, run on the processor by an
/// emulation of CUDA.
enum Emulated {
  static func find(_ name: String) -> Operator {
    ctorch_testing_define_emulated()
    return Operator("dit_emulated::\(name)")
  }

  static let normModulate = find("norm_modulate")
  static let residualNormModulate = find("residual_norm_modulate_")
  static let quantizeRows = find("quantize_rows_e4m3")

  /// The number types of inputs.
  static let inputs = [DType.float32, .float16, .bfloat16]
  static let outputs: [ActivationFormat] = [.float32, .float16, .bfloat16, .float8]
  /// Rows of one warp, with and without idle lanes, and of four warps.
  static let widths = [4, 64, 200, 1152, 2052, 4608]
}

extension DType {
  /// The tolerance of the type's rounding.
  var tolerance: Double {
    switch self {
    case .float16: ActivationFormat.float16.tolerance
    case .bfloat16: ActivationFormat.bfloat16.tolerance
    default: ActivationFormat.float32.tolerance
    }
  }
}

@Suite(.ownKernels) struct EmulatedRowsTests {
  /// Three images of three tokens with two labels: the last block of four rows has only one.
  private struct Tokens {
    let values: ModulationCase
    let x: Tensor
    let residual: Tensor

    init(_ width: Int, _ dtype: DType) throws {
      values = try ModulationCase([3, 3, width])
      x = values.x.to(dtype)
      residual = values.residual.to(dtype)
    }

    /// The results of plain operators in float32.
    func expected(adding isAdding: Bool) -> (tokens: Tensor, norm: Tensor) {
      withPlainOperators {
        let x = x.to(.float32).cloned
        let rows =
          isAdding
          ? values.fused(x, adding: BranchOutput(residual.to(.float32)), as: .float32)
          : values.fused(x, as: .float32)
        return (x, rows.values)
      }
    }

    func emulated(_ x: Tensor, adding isAdding: Bool, as format: ActivationFormat) -> [Tensor] {
      let (table, width) = (values.tableValues, values.width)
      guard isAdding else {
        return Emulated.normModulate.results(
          .tensor(x), .tensor(values.labels), .tensor(table), .int(width), .int(2 * width), 1e-6,
          .dtype(format.dtype), count: 2)
      }
      return Emulated.residualNormModulate.results(
        .tensor(x), .tensor(residual), nil, nil, nil, .tensor(values.labels), .tensor(table),
        .int(3 * width), .tensor(table), .int(width), .int(2 * width), 1e-6,
        .dtype(format.dtype), count: 2)
    }
  }

  @Test(arguments: Emulated.widths, Emulated.inputs)
  func normalizesAndModulates(_ width: Int, _ input: DType) throws {
    let tokens = try Tokens(width, input)
    let expected = tokens.expected(adding: false).norm
    for format in Emulated.outputs {
      let results = tokens.emulated(tokens.x, adding: false, as: format)
      #expect(results[0].dtype == format.dtype && results[0].shape == tokens.x.shape)
      let numbers = Activations(kernelResults: results, format).numbers
      #expect(relativeError(numbers, expected) < format.tolerance)
    }
  }

  @Test(arguments: Emulated.widths, Emulated.inputs)
  func addsResidualsBeforeTheNorm(_ width: Int, _ input: DType) throws {
    let tokens = try Tokens(width, input)
    let expected = tokens.expected(adding: true)
    for format in Emulated.outputs {
      let x = tokens.x.cloned
      let results = tokens.emulated(x, adding: true, as: format)
      #expect(x.dtype == input)
      #expect(relativeError(x, expected.tokens) < input.tolerance)
      let numbers = Activations(kernelResults: results, format).numbers
      #expect(relativeError(numbers, expected.norm) < format.tolerance)
    }
  }

  /// A write outside the tokens would change their neighbors.
  @Test(arguments: [64, 2052]) func leavesOtherRowsAlone(_ width: Int) throws {
    let tokens = try Tokens(width, .float32)
    let wide = Tensor.ones([5, 3, width])
    let x = wide.narrowed(axis: 0, start: 1, count: 3)
    x.copyInPlace(from: tokens.x)
    _ = tokens.emulated(x, adding: true, as: .float32)
    #expect(relativeError(x, tokens.expected(adding: true).tokens) < Tolerance.float32)
    #expect(relativeError(wide[0], .ones([3, width])) == 0)
    #expect(relativeError(wide[4], .ones([3, width])) == 0)
  }

  @Test(arguments: Emulated.widths, Emulated.inputs)
  func quantizesRows(_ width: Int, _ input: DType) throws {
    let generator = try Generator(seed: 11)
    let x = (Tensor.randn([5, width], generator: generator) * 5).to(input)
    for gelu in [false, true] {
      let results = Emulated.quantizeRows.results(.tensor(x), .bool(gelu), count: 2)
      let numbers = gelu ? geluTanh(x.to(.float32)) : x.to(.float32)
      let plain = withPlainOperators { Activations(numbers, as: .float8) }
      #expect(results[0].dtype == .float8e4m3 && results[1].shape == [5, 1])
      #expect(relativeError(results[1], try #require(plain.scales)) < Tolerance.float32)
      let rows = Activations(kernelResults: results, .float8)
      #expect(relativeError(rows.numbers, numbers) < ActivationFormat.float8.tolerance)
      // Ties may be rounded differently; all other bits are equal.
      let difference = (results[0].to(.float32) - plain.values.to(.float32)).magnitude
      #expect((difference / (plain.values.to(.float32).magnitude + 1)).max().item < 0.13)
      #expect((difference / (difference + 1e-9)).sum().item <= 0.01 * Double(x.count))
    }
  }

  @Test(arguments: [64, 2052]) func mapsTheLargestMagnitudeTo448Steps(_ width: Int) {
    let x = Tensor.zeros([2, width])
    x[0][width - 1].fillInPlace(-254)
    let results = Emulated.quantizeRows.results(.tensor(x), false, count: 2)
    #expect(results[0].to(.float32)[0].min().item == -448)
    #expect(results[0].to(.float32)[1].magnitude.max().item == 0)
    #expect(results[1].elements(Float.self) == [254 / 448, 0])
  }

  @Test(arguments: [64, 2052], [Float.nan, .infinity, -.infinity])
  func marksNonFiniteRows(_ width: Int, _ value: Float) throws {
    for input in Emulated.inputs {
      let x = Tensor.randn([6, width], generator: try Generator(seed: 2)).to(input)
      x[1][width / 2].fillInPlace(Double(value))
      let results = Emulated.quantizeRows.results(.tensor(x), false, count: 2)
      let numbers = Activations(kernelResults: results, .float8).numbers
      #expect(!numbers[1].isFinite.anyTrue)
      #expect(numbers[0].isFinite.allTrue && numbers[2].isFinite.allTrue)
    }
  }

  @Test(arguments: Emulated.inputs) func keepsNaN(_ input: DType) throws {
    let tokens = try Tokens(64, input)
    tokens.x[1][2].fillInPlace(.nan)
    for format in Emulated.outputs {
      let results = tokens.emulated(tokens.x, adding: false, as: format)
      let numbers = Activations(kernelResults: results, format).numbers
      #expect(!numbers[1][2].isFinite.anyTrue)
      #expect(numbers[0].isFinite.allTrue && numbers[1][1].isFinite.allTrue)
    }
  }

  @Test func rejectsUnsupportedWidths() throws {
    #expect(OwnOperators.isServedByCUDA(.bfloat16, width: 8192))
    #expect(!OwnOperators.isServedByCUDA(.float64, width: 64))
    for width in [6, 8196] {
      #expect(!OwnOperators.isServedByCUDA(.float32, width: width))
      let error = #expect(throws: TorchError.self) {
        try withTorchErrors {
          _ = Emulated.quantizeRows.results(.tensor(.zeros([2, width])), false, count: 2)
        }
      }
      #expect(try #require(error).message.contains("multiple of 4, at most 8192"))
    }
  }

  @Test func rejectsTablesThatAreNotAligned() throws {
    let tokens = try Tokens(64, .float32)
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors {
        _ = Emulated.normModulate.results(
          .tensor(tokens.x), .tensor(tokens.values.labels), .tensor(tokens.values.tableValues),
          1, 64, 1e-6, .dtype(.float32), count: 2)
      }
    }
    #expect(try #require(error).message.contains("multiple of four"))
  }
}
