import TestSupport
import Testing
import Torch

@Suite struct AdaptiveNormTests {
  /// Images, tokens, width: includes one token, and widths below a vector.
  static let shapes = [[2, 16, 32], [1, 1, 7], [3, 5, 65], [2, 33, 200]]

  private struct Inputs {
    let x: Tensor
    let y: Tensor
    let m: Tensor
    let weights: Tensor

    init(_ shape: [Int]) throws {
      let generator = try Generator(seed: 5)
      x = .randn(shape, generator: generator) * 2 + 1
      y = .randn(shape, generator: generator)
      m = .randn([shape[0], 1, 3 * shape[2]], generator: generator)
      weights = .randn(shape, generator: generator)
      for tensor in [x, y, m] { tensor.requiresGradient = true }
    }

    /// A result and the gradients of its weighted sum.
    func outcome(_ result: Tensor) -> [Tensor] {
      for tensor in [x, y, m] { tensor.gradient = nil }
      (result * weights).sum().backward()
      return [result.detached] + [x, y, m].compactMap(\.gradient)
    }
  }

  @Test(arguments: shapes, NormKind.allCases)
  func normMatchesPlainOperators(_ shape: [Int], _ kind: NormKind) throws {
    let inputs = try Inputs(shape)
    let parts = inputs.m.chunks(3, axis: 2)
    let fused = inputs.outcome(
      adaptiveNorm(inputs.x, shift: parts[0], scale: parts[1], epsilon: 1e-6, by: kind))
    let again = inputs.m.chunks(3, axis: 2)
    let plain = inputs.outcome(
      again[0].addingProduct(plainNorm(kind, inputs.x), again[1] + 1))
    #expect(fused.count == 3 && plain.count == 3)
    for (a, b) in zip(fused, plain) { #expect(relativeError(a, b) < Tolerance.float32) }
  }

  @Test(arguments: shapes) func additionMatchesPlainOperators(_ shape: [Int]) throws {
    let inputs = try Inputs(shape)
    let fused = inputs.outcome(
      gatedAdd(inputs.x, inputs.y, gate: inputs.m.chunks(3, axis: 2)[1]))
    let plain = inputs.outcome(
      inputs.x.addingProduct(inputs.m.chunks(3, axis: 2)[1], inputs.y))
    #expect(fused.count == 4 && plain.count == 4)
    for (a, b) in zip(fused, plain) { #expect(relativeError(a, b) < Tolerance.float32) }
  }

  /// The norms by their formulas.
  private func plainNorm(_ kind: NormKind, _ x: Tensor) -> Tensor {
    switch kind {
    case .layer: layerNorm(x, epsilon: 1e-6)
    case .rms: x / (x.squared.mean(axes: [2], keepingDims: true) + 1e-6).squareRoot
    }
  }

  @Test(arguments: shapes, NormKind.allCases)
  func fusedAdditionAndNormMatchPlainOperators(_ shape: [Int], _ kind: NormKind) throws {
    let inputs = try Inputs(shape)
    func outcome() -> [Tensor] {
      let parts = inputs.m.chunks(3, axis: 2)
      let (sum, norm) = gatedAddAndNorm(
        inputs.x, inputs.y, gate: parts[2], shift: parts[0], scale: parts[1], epsilon: 1e-6,
        by: kind)
      return inputs.outcome(sum * 3 + norm)
    }
    let (fused, plain) = (outcome(), withPlainOperators(outcome))
    #expect(fused.count == 4 && plain.count == 4)
    for (a, b) in zip(fused, plain) { #expect(relativeError(a, b) < Tolerance.float32) }
  }

  /// Linear layers give such branches in mixed precision.
  @Test func halfPrecisionBranchesGetGradientsOfTheirType() throws {
    let inputs = try Inputs([2, 5, 32])
    let (y, m) = (inputs.y.detached.to(.bfloat16), inputs.m.detached.to(.bfloat16))
    for tensor in [y, m] { tensor.requiresGradient = true }
    let parts = m.chunks(3, axis: 2)
    let (sum, norm) = gatedAddAndNorm(
      inputs.x, y, gate: parts[2], shift: parts[0], scale: parts[1], epsilon: 1e-6)
    #expect(sum.dtype == .float32 && norm.dtype == .float32)
    ((sum + norm) * inputs.weights).sum().backward()
    #expect(try #require(y.gradient).dtype == .bfloat16)
    #expect(try #require(m.gradient).dtype == .bfloat16)
    #expect(try #require(inputs.x.gradient).dtype == .float32)
  }

  @Test(.ownKernels) func rejectsMismatchedTokens() throws {
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors {
        _ = adaptiveNorm(
          .zeros([2, 3, 4]), shift: .zeros([2, 1, 5]), scale: .zeros([2, 1, 4]), epsilon: 1e-6)
      }
    }
    #expect(try #require(error).message.contains("must be [N, 1, D]"))
  }
}
