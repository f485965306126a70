internal import TestSupport
internal import Testing
internal import Torch

@Suite struct PackedLinearTests {
  /// Rows, inputs, outputs.
  private static let sizes = [[1, 1, 1], [1, 5, 3], [7, 33, 65], [64, 96, 160], [13, 129, 47]]
  private static let formats = ActivationFormat.allCases.filter {
    $0 != .float8 && ($0 != .int8 || Device.cpu.capabilities.int8)
  }

  private struct Case {
    let x: Tensor
    let weight: Tensor
    let bias: Tensor

    init(_ size: [Int]) throws {
      let generator = try Generator(seed: 3)
      x = Tensor.randn([2, size[0], size[1]], generator: generator)
      weight = Tensor.randn([size[2], size[1]], generator: generator)
      bias = Tensor.randn([size[2]], generator: generator)
    }

    var expected: Tensor {
      withPlainOperators { linear(x, weight: weight, bias: bias) }
    }
  }

  private func tolerance(_ format: ActivationFormat) -> Double {
    switch format {
    case .float32: Tolerance.float32
    case .float16: 0.005
    case .bfloat16, .int8: 0.03
    case .float8: 0.06
    }
  }

  @Test(arguments: sizes, formats)
  func matchesTheLinearLayer(_ size: [Int], _ format: ActivationFormat) throws {
    let values = try Case(size)
    let layer = try PackedLinear(weight: values.weight, bias: values.bias, format: format)
    let result = layer(Activations(values.x, as: format))
    #expect(result.dtype == (format == .int8 ? .float32 : format.dtype))
    #expect(relativeError(result, values.expected) < tolerance(format))
  }

  @Test(arguments: sizes, formats)
  func appliesGELU(_ size: [Int], _ format: ActivationFormat) throws {
    let values = try Case(size)
    let layer = try PackedLinear(weight: values.weight, bias: values.bias, format: format)
    let result = layer.gelu(Activations(values.x, as: format))
    #expect(result.values.dtype == format.dtype)
    #expect(relativeError(result.numbers, geluTanh(values.expected)) < tolerance(format))
  }

  /// Of the results half are gates. 8-bit sums are gated by the pass that rescales them.
  @Test(arguments: [[1, 5, 2], [7, 33, 66], [64, 96, 160], [13, 129, 46]], formats)
  func gatesValues(_ size: [Int], _ format: ActivationFormat) throws {
    let values = try Case(size)
    let layer = try PackedLinear(weight: values.weight, bias: values.bias, format: format)
    let parts = values.expected.chunks(2, axis: 2)
    let expected = parts[0] / ((-parts[0]).exponential + 1) * parts[1]
    for next in [format, .float32] {
      let result = layer.swiGLU(Activations(values.x, as: format), as: next)
      #expect(result.values.dtype == next.dtype)
      #expect(relativeError(result.numbers, expected) < 2 * tolerance(format))
    }
  }

  @Test func gatesExtremeValues() throws {
    let identity = Tensor([1, 0, 0, 1] as [Float]).reshaped([2, 2])
    let layer = PackedLinear(weight: identity, bias: nil)
    for (gate, value, expected) in [
      (200, 3, 600), (-200, 3, 0), (0, 3, 0), (1e30, 2, 2e30), (-1e30, 2, 0),
    ] as [(Float, Float, Double)] {
      let x = Activations(Tensor([gate, value]).reshaped([1, 2]), as: .float32)
      let result = layer.swiGLU(x, as: .float32).values.item
      #expect(abs(result - expected) <= 1e-6 * max(1, abs(expected)), "\(gate): \(result)")
    }
    let x = Activations(Tensor([Float.nan, 1]).reshaped([1, 2]), as: .float32)
    #expect(layer.swiGLU(x, as: .float32).values.item.isNaN)
  }

  @Test(arguments: formats)
  func worksWithoutABias(_ format: ActivationFormat) throws {
    let values = try Case([7, 33, 65])
    let layer = try PackedLinear(weight: values.weight, bias: nil, format: format)
    let expected = withPlainOperators { linear(values.x, weight: values.weight) }
    #expect(relativeError(layer(Activations(values.x, as: format)), expected) < tolerance(format))
  }

  @Test(arguments: formats)
  func acceptsStridedRows(_ format: ActivationFormat) throws {
    let values = try Case([7, 33, 65])
    let x = values.x.transposed(1, 2).contiguous.transposed(1, 2)
    let layer = try PackedLinear(weight: values.weight, bias: values.bias, format: format)
    #expect(relativeError(layer(Activations(x, as: format)), values.expected) < tolerance(format))
  }

  @Test(arguments: formats)
  func addsItsResultsToTokens(_ format: ActivationFormat) throws {
    let values = try ModulationCase([3, 5, 33])
    let generator = try Generator(seed: 4)
    let weight = Tensor.randn([33, 70], generator: generator) * 0.1
    let bias = Tensor.randn([33], generator: generator)
    let input = Tensor.randn([3, 5, 70], generator: generator)
    let layer = try PackedLinear(weight: weight, bias: bias, format: format)
    let x = values.x.cloned
    _ = values.fused(x, adding: layer.branchOutput(Activations(input, as: format)), as: .float32)
    let expected = values.x.cloned
    let branch = withPlainOperators { linear(input, weight: weight, bias: bias) }
    _ = values.fused(expected, adding: BranchOutput(branch), as: .float32)
    #expect(relativeError(x, expected) < tolerance(format))
    #expect(relativeError(x, values.x) > 0.1)
  }

  @Test(.enabled(if: Device.cpu.capabilities.int8), arguments: [Double.nan, .infinity, -.infinity])
  func rejectsNonFiniteWeights(_ value: Double) throws {
    let weight = Tensor.zeros([5, 9])
    weight[3][8].fillInPlace(value)
    let error = #expect(throws: TorchError.self) {
      try PackedLinear(weight: weight, bias: nil, format: .int8)
    }
    #expect(try #require(error).message.contains("infinities or NaN, in row 3"))
  }

  @Test(.enabled(if: !Device.cpu.capabilities.int8))
  func explainsWhatInt8Needs() throws {
    let error = #expect(throws: TorchError.self) {
      try PackedLinear(weight: Tensor.zeros([5, 9]), bias: nil, format: .int8)
    }
    #expect(
      try #require(error).message.contains(Processor.hasOwnKernels ? "AVX512_VNNI" : "kernels"))
  }

  @Test(arguments: formats.filter { $0 != .int8 }) func acceptsNoRows(_ format: ActivationFormat)
    throws
  {
    let layer = try PackedLinear(weight: .ones([65, 33]), bias: nil, format: format)
    #expect(
      try withTorchErrors { layer(Activations(.zeros([2, 0, 33]), as: format)) }.shape == [
        2, 0, 65,
      ])
  }

  @Test(arguments: formats) func acceptsAStridedBias(_ format: ActivationFormat) throws {
    let values = try Case([7, 33, 65])
    let bias = stacked([values.bias, values.bias * 0], axis: 1).selected(axis: 1, index: 0)
    let layer = try PackedLinear(weight: values.weight, bias: bias, format: format)
    let result = layer(Activations(values.x, as: format))
    #expect(relativeError(result, values.expected) < tolerance(format))
  }

  @Test func propagatesNaN() throws {
    let values = try Case([7, 33, 65])
    let layer = PackedLinear(weight: values.weight, bias: values.bias)
    let x = values.x * 100
    x[0][2].copyInPlace(from: .full([33], .nan))
    let result = layer.gelu(Activations(x, as: .float32)).values
    #expect(!result[0][2].isFinite.allTrue && result[0][3].isFinite.allTrue)
    #expect(
      result[1].isFinite.allTrue
        && relativeError(
          result[1],
          geluTanh(
            withPlainOperators { linear(x[1], weight: values.weight, bias: values.bias) }
          )) < Tolerance.float32
    )
  }
}
