import TestSupport
import Testing
import Torch

@Suite struct TransformerLayersTests {
  /// Rows, inputs, outputs: includes too few rows for our product, and edges of its tiles.
  static let sizes = [
    [1, 5, 3], [3, 8, 16], [33, 7, 65], [97, 300, 33], [64, 1, 1], [200, 96, 800],
  ]

  private static func leaf(_ shape: [Int], _ generator: Generator) -> Tensor {
    let tensor = Tensor.randn(shape, generator: generator)
    tensor.requiresGradient = true
    return tensor
  }

  /// A result and the gradients of its weighted sum.
  private func outcome(
    _ leaves: [Tensor], weighing weights: Tensor, _ result: Tensor
  ) -> [Tensor] {
    for leaf in leaves { leaf.gradient = nil }
    (result * weights).sum().backward()
    return [result.detached] + leaves.compactMap(\.gradient)
  }

  private func expectSame(_ fused: [Tensor], _ plain: [Tensor], count: Int) {
    #expect(fused.count == count && plain.count == count)
    for (a, b) in zip(fused, plain) { #expect(relativeError(a, b) < Tolerance.float32) }
  }

  @Test(arguments: sizes) func linearMatchesThePlainOperator(_ size: [Int]) throws {
    let generator = try Generator(seed: 6)
    let x = Self.leaf([2, size[0], size[1]], generator)
    let weight = Self.leaf([size[2], size[1]], generator)
    let bias = Self.leaf([size[2]], generator)
    let weights = Tensor.randn([2, size[0], size[2]], generator: generator)
    let leaves = [x, weight, bias]
    expectSame(
      outcome(leaves, weighing: weights, linear(x, weight: weight, bias: bias)),
      outcome(
        leaves, weighing: weights,
        withPlainOperators { linear(x, weight: weight, bias: bias) }), count: 4)
    expectSame(
      outcome([x, weight], weighing: weights, linear(x, weight: weight)),
      outcome([x, weight], weighing: weights, withPlainOperators { linear(x, weight: weight) }),
      count: 3)
  }

  @Test(arguments: sizes) func feedForwardMatchesPlainOperators(_ size: [Int]) throws {
    let generator = try Generator(seed: 7)
    let leaves = [
      [2, size[0], size[1]], [size[2], size[1]], [size[2]], [size[1], size[2]], [size[1]],
    ].map { Self.leaf($0, generator) }
    let weights = Tensor.randn([2, size[0], size[1]], generator: generator)
    let plain = withPlainOperators {
      linear(
        geluTanh(linear(leaves[0], weight: leaves[1], bias: leaves[2])), weight: leaves[3],
        bias: leaves[4])
    }
    expectSame(
      outcome(
        leaves, weighing: weights,
        feedForward(
          leaves[0], weight1: leaves[1], bias1: leaves[2], weight2: leaves[3], bias2: leaves[4])),
      outcome(leaves, weighing: weights, plain), count: 6)
  }

  /// Only trained inputs get gradients.
  @Test func frozenInputsGetNoGradient() throws {
    let generator = try Generator(seed: 8)
    let x = Tensor.randn([64, 16], generator: generator)
    let (weight1, weight2) = (Self.leaf([24, 16], generator), Self.leaf([16, 24], generator))
    weight1.requiresGradient = false
    feedForward(x, weight1: weight1, bias1: nil, weight2: weight2, bias2: nil).sum().backward()
    #expect(x.gradient == nil && weight1.gradient == nil && weight2.gradient != nil)
  }

  /// Rows, tokens, heads, width of a head.
  @Test(arguments: [[2, 16, 2, 8], [1, 1, 1, 5], [3, 70, 4, 12]])
  func attentionMatchesPlainOperators(_ size: [Int]) throws {
    let generator = try Generator(seed: 9)
    let (n, t, heads, width) = (size[0], size[1], size[2], size[3])
    let qkv = Self.leaf([n, t, 3 * heads * width], generator)
    let weights = Tensor.randn([n, t, heads * width], generator: generator)
    let parts = qkv.reshaped([n, t, 3, heads, width]).permuted([2, 0, 3, 1, 4])
    let scores = (parts[0] * (1 / Double(width).squareRoot())).matmul(parts[1].transposed(2, 3))
    let exponentials = scores.exponential
    let shares = exponentials / exponentials.sum(axes: [3], keepingDims: true)
    let plain = shares.matmul(parts[2]).transposed(1, 2)
      .reshaped([n, t, heads * width])
    expectSame(
      outcome([qkv], weighing: weights, selfAttention(qkv, headCount: heads)),
      outcome([qkv], weighing: weights, plain), count: 2)
  }

  @Test func takesTheNormOverAllTensors() throws {
    let generator = try Generator(seed: 10)
    let tensors = [[3], [130, 257], [1], [40_000]].map { Tensor.randn($0, generator: generator) }
    let expected = tensors.reduce(0) { $0 + ($1.to(.float64) * $1.to(.float64)).sum().item }
    #expect(abs(totalNorm(tensors).item / expected.squareRoot() - 1) < 1e-6)
    #expect(totalNorm(tensors + [Tensor([Float.infinity])]).item == .infinity)
  }

  @Test(.ownKernels) func rejectsWrongHeadCounts() throws {
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors { _ = selfAttention(.zeros([1, 2, 12]), headCount: 3) }
    }
    #expect(try #require(error).message.contains("3 heads"))
  }
}
