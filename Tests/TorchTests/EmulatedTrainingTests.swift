internal import TestSupport
internal import Testing
internal import Torch

extension Emulated {
  static let norm = find("adaptive_norm_forward")
  static let normBackward = find("adaptive_norm_backward")
  static let add = find("gated_add")
  static let addBackward = find("gated_add_backward")
  static let addAndNorm = find("gated_add_norm_forward")
  static let addAndNormBackward = find("gated_add_norm_backward")
}

/// The CUDA kernels of training against libtorch's float64 gradients.
@Suite(.ownKernels) struct EmulatedTrainingTests {
  /// Tokens and width: whole and incomplete parts of sixteen tokens, blocks of one to nine warps.
  static let shapes = [[33, 4], [33, 64], [17, 200], [17, 1152], [3, 2052], [2, 4608]]

  /// Two images, with vectors in a wider table, as in a block.
  private struct Tokens {
    let x: Tensor
    let y: Tensor
    let vectors: [Tensor]  // shift, scale, gate
    let normGradient: Tensor
    let sumGradient: Tensor

    init(_ shape: [Int], _ type: DType) throws {
      let generator = try Generator(seed: 13)
      let shape = [2] + shape
      x = Tensor.randn(shape, generator: generator) * 2 + 1
      y = .randn(shape, generator: generator).to(type)
      let table = Tensor.randn([2, 1, 5 * shape[2]], generator: generator).to(type)
      vectors = Array(table.chunks(5, axis: 2)[1...3])
      normGradient = .randn(shape, generator: generator)
      sumGradient = .randn(shape, generator: generator)
    }

    /// Float64 copies that require gradients: x, y, shift, scale, gate.
    var inputs: [Tensor] {
      ([x, y] + vectors).map {
        let input = $0.to(.float64).cloned
        input.requiresGradient = true
        return input
      }
    }
  }

  private func expectEqual(_ values: [Tensor], _ expected: [Tensor?], _ types: [DType]) throws {
    #expect(values.map(\.dtype) == types)
    for (value, expected) in zip(values, expected) {
      #expect(relativeError(value, try #require(expected)) < value.dtype.tolerance)
    }
  }

  @Test(arguments: shapes, Emulated.inputs)
  func normalizesAndDifferentiates(_ shape: [Int], _ type: DType) throws {
    let tokens = try Tokens(shape, type)
    for output in Emulated.inputs {
      let inputs = tokens.inputs
      let gradient = tokens.normGradient.to(output)
      let expected = adaptiveNorm(inputs[0], shift: inputs[2], scale: inputs[3], epsilon: 1e-6)
      (expected * gradient.to(.float64)).sum().backward()
      let results = Emulated.norm.results(
        .tensor(tokens.x), .tensor(tokens.vectors[0]), .tensor(tokens.vectors[1]), 1e-6,
        .dtype(output), count: 3)
      try expectEqual([results[0]], [expected.detached], [output])
      let gradients = Emulated.normBackward.results(
        .tensor(gradient), .tensor(tokens.x), .tensor(tokens.vectors[1]), .tensor(results[1]),
        .tensor(results[2]), count: 3)
      try expectEqual(
        gradients, [inputs[0], inputs[2], inputs[3]].map(\.gradient), [.float32, type, type])
    }
  }

  @Test(arguments: shapes, Emulated.inputs)
  func addsAndDifferentiates(_ shape: [Int], _ type: DType) throws {
    let tokens = try Tokens(shape, type)
    let inputs = tokens.inputs
    let expected = gatedAdd(inputs[0], inputs[1], gate: inputs[4])
    (expected * tokens.sumGradient.to(.float64)).sum().backward()
    let (y, gate) = (tokens.y, tokens.vectors[2])
    let sum = Emulated.add(.tensor(tokens.x), .tensor(y), .tensor(gate))
    try expectEqual([sum], [expected.detached], [.float32])
    let gradients = Emulated.addBackward.results(
      .tensor(tokens.sumGradient), .tensor(y), .tensor(gate), count: 2)
    try expectEqual(gradients, [inputs[1], inputs[4]].map(\.gradient), [type, type])
  }

  @Test(arguments: shapes, Emulated.inputs)
  func addsNormalizesAndDifferentiates(_ shape: [Int], _ type: DType) throws {
    let tokens = try Tokens(shape, type)
    for output in Emulated.inputs {
      let inputs = tokens.inputs
      let gradient = tokens.normGradient.to(output)
      let expected = gatedAddAndNorm(
        inputs[0], inputs[1], gate: inputs[4], shift: inputs[2], scale: inputs[3], epsilon: 1e-6)
      ((expected.sum * tokens.sumGradient.to(.float64)).sum()
        + (expected.norm * gradient.to(.float64)).sum()).backward()
      let (results, gradients) = addedAndNormalized(tokens, gradient)
      try expectEqual(
        Array(results[..<2]), [expected.sum.detached, expected.norm.detached], [.float32, output])
      let order = [0, 1, 4, 2, 3].map { inputs[$0].gradient }
      try expectEqual(gradients, order, [.float32, type, type, type, type])
    }
  }

  /// Sum, norm, means and deviations; gradients of x, y, gate, shift, scale.
  private func addedAndNormalized(
    _ tokens: Tokens, _ gradient: Tensor, image: Int? = nil
  ) -> (results: [Tensor], gradients: [Tensor]) {
    func part(_ tensor: Tensor) -> Argument {
      .tensor(image.map { tensor.narrowed(axis: 0, start: $0, count: 1) } ?? tensor)
    }
    let (y, gate) = (part(tokens.y), part(tokens.vectors[2]))
    let (shift, scale) = (part(tokens.vectors[0]), part(tokens.vectors[1]))
    let results = Emulated.addAndNorm.results(
      part(tokens.x), y, gate, shift, scale, 1e-6, .dtype(gradient.dtype), count: 4)
    let gradients = Emulated.addAndNormBackward.results(
      part(tokens.sumGradient), part(gradient), .tensor(results[0]), y, gate, scale,
      .tensor(results[2]), .tensor(results[3]), count: 5)
    return (results, gradients)
  }

  @Test func imagesGetTheSameBitsAloneAndInABatch() throws {
    let tokens = try Tokens([33, 200], .bfloat16)
    let gradient = tokens.normGradient.to(.bfloat16)
    let both = addedAndNormalized(tokens, gradient)
    let second = addedAndNormalized(tokens, gradient, image: 1)
    for (all, one) in zip(both.results + both.gradients, second.results + second.gradients) {
      #expect(relativeError(one[0], all[1]) == 0)
    }
  }

  @Test func rejectsMismatches() throws {
    let x = Tensor.zeros([2, 3, 64])
    let vector = Tensor.zeros([2, 1, 64])
    for (branch, gate, words) in [
      (x.to(.bfloat16), vector, "must be [N, 1, D]"),
      (x, Tensor.zeros([2, 1, 68]), "must be [N, 1, D]"),
      (Tensor.zeros([2, 4, 64]), vector, "tokens [2, 3, 64] and [2, 4, 64]"),
      (x.transposed(0, 1).contiguous.transposed(0, 1), vector, "contiguous"),
    ] {
      let error = #expect(throws: TorchError.self) {
        try withTorchErrors {
          _ = Emulated.add(.tensor(x), .tensor(branch), .tensor(gate))
        }
      }
      #expect(try #require(error).message.contains(words))
    }
  }
}
