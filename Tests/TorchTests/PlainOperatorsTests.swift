internal import TestSupport
internal import Testing
internal import Torch

/// The operators of devices without our kernels, run on the processor.
@Suite struct PlainOperatorsTests {
  @Test(.ownKernels) func appliesOnlyWithinTheBlock() throws {
    #expect(Device.cpu.capabilities.hasPackedKernels)
    let inside = withPlainOperators { Device.cpu.capabilities.hasPackedKernels }
    #expect(!inside)
    struct Stop: Error {}
    #expect(throws: Stop.self) { try withPlainOperators { throw Stop() } }
    #expect(
      Device.cpu.capabilities.hasPackedKernels && !Device.cuda(0).capabilities.hasPackedKernels)
  }

  @Test(arguments: ModulationCase.shapes, ActivationFormat.quantizable)
  func normalizesAndModulates(_ shape: [Int], _ format: ActivationFormat) throws {
    let values = try ModulationCase(shape)
    let rows = withPlainOperators { values.fused(values.x, as: format) }
    #expect(rows.values.dtype == format.dtype)
    #expect(relativeError(rows.numbers, values.normModulated(values.x)) < format.tolerance)
  }

  @Test(arguments: ModulationCase.shapes, ActivationFormat.quantizable)
  func addsResidualsBeforeTheNorm(_ shape: [Int], _ format: ActivationFormat) throws {
    let values = try ModulationCase(shape)
    let (plain, fused) = (values.x.cloned, values.x.cloned)
    let rows = withPlainOperators {
      values.fused(plain, adding: BranchOutput(values.residual), as: format)
    }
    let expected = values.fused(fused, adding: BranchOutput(values.residual), as: .float32)
    #expect(relativeError(plain, fused) < Tolerance.float32)
    #expect(relativeError(rows.numbers, expected.numbers) < format.tolerance)
  }

  @Test(arguments: [DType.bfloat16, .float16])
  func acceptsHalfPrecisionTokens(_ dtype: DType) throws {
    let values = try ModulationCase([3, 9, 131])
    let x = values.x.to(dtype)
    let rows = withPlainOperators {
      values.fused(x, adding: BranchOutput(values.residual.to(dtype)), as: .bfloat16)
    }
    #expect(x.dtype == dtype)
    #expect(relativeError(x, values.sum) < Tolerance.bfloat16)
    #expect(relativeError(rows.numbers, values.normModulated(values.sum)) < Tolerance.bfloat16)
  }

  @Test func gradientsOfAdaptiveNormMatchTheKernels() throws {
    let generator = try Generator(seed: 5)
    let x = Tensor.randn([2, 5, 33], generator: generator)
    let m = Tensor.randn([2, 1, 99], generator: generator)
    func gradients() -> [Tensor] {
      for tensor in [x, m] {
        tensor.requiresGradient = true
        tensor.gradient = nil
      }
      let parts = m.chunks(3, axis: 2)
      let norm = adaptiveNorm(x, shift: parts[0], scale: parts[1], epsilon: 1e-6)
      let sum = gatedAdd(x, norm, gate: parts[2])
      (sum * sum).sum().backward()
      return [x, m].compactMap(\.gradient)
    }
    let (fused, plain) = (gradients(), withPlainOperators(gradients))
    #expect(fused.count == 2 && plain.count == 2)
    for (a, b) in zip(plain, fused) { #expect(relativeError(a, b) < Tolerance.float32) }
  }

  @Test(arguments: [ActivationFormat.float32, .bfloat16, .float8], [false, true])
  func multipliesWithoutPacking(_ format: ActivationFormat, _ gelu: Bool) throws {
    let generator = try Generator(seed: 3)
    let x = Tensor.randn([2, 7, 64], generator: generator)
    let weight = Tensor.randn([48, 64], generator: generator)
    let bias = Tensor.randn([48], generator: generator)
    let result = try withPlainOperators {
      let layer = try PackedLinear(weight: weight, bias: bias, format: format)
      let rows = Activations(x, as: format)
      return gelu ? layer.gelu(rows).numbers : layer(rows).to(.float32)
    }
    let product = withPlainOperators { linear(x, weight: weight, bias: bias) }
    let error = relativeError(result, gelu ? geluTanh(product) : product)
    let tolerance =
      format == .float32
      ? Tolerance.float32 : format == .bfloat16 ? Tolerance.bfloat16 : Tolerance.float8
    #expect(error < tolerance)
    #expect(format == .float32 || error > Tolerance.float32)
  }
}

@Suite struct Float8Tests {
  @Test func mapsTheLargestMagnitudeOfARowTo448Steps() throws {
    let rows = Activations(
      Tensor([-2, 1, 0, 0.5, 0, 0, 0, 254] as [Float], shape: [2, 4]), as: .float8)
    #expect(rows.values.to(.float32).elements(Float.self) == [-448, 224, 0, 112, 0, 0, 0, 448])
    #expect(try #require(rows.scales).shape == [2, 1])
    #expect(
      relativeError(rows.numbers, Tensor([-2, 1, 0, 0.5, 0, 0, 0, 254] as [Float], shape: [2, 4]))
        < Tolerance.float32)
  }

  @Test func roundsToThreeBitsOfMantissa() throws {
    let x = Tensor.randn([5, 200], generator: try Generator(seed: 1)) * 5
    let numbers = Activations(x, as: .float8).numbers
    // Half of the last place, and half of the smallest step (2^-9 of a scale).
    let scale = x.magnitude.max().item / 448
    let excess = (numbers - x).magnitude - x.magnitude * 0x1p-4
    #expect(excess.max().item <= 0x1p-10 * scale * 1.001)
    #expect(relativeError(numbers, x) > 0.005)
  }

  @Test func keepsZeroRows() {
    let numbers = Activations(Tensor.zeros([2, 16]), as: .float8).numbers
    #expect(numbers.elements(Float.self) == [Float](repeating: 0, count: 32))
  }

  @Test(.ownKernels) func rejectsAProcessor() throws {
    let error = #expect(throws: TorchError.self) {
      try PackedLinear(weight: .zeros([16, 16]), bias: nil, format: .float8)
    }
    #expect(try #require(error).message.contains("NVIDIA GPU"))
  }

  @Test func rejectsUnsupportedSizes() throws {
    let error = #expect(throws: TorchError.self) {
      try withPlainOperators {
        try PackedLinear(weight: .zeros([16, 24]), bias: nil, format: .float8)
      }
    }
    #expect(try #require(error).message.contains("multiples of 16"))
  }

  @Test func rejectsNonFiniteWeights() throws {
    let weight = Tensor.zeros([16, 16])
    weight[3][8].fillInPlace(.nan)
    let error = #expect(throws: TorchError.self) {
      try withPlainOperators { try PackedLinear(weight: weight, bias: nil, format: .float8) }
    }
    #expect(try #require(error).message.contains("not finite"))
  }
}
