internal import TestSupport
internal import Testing
internal import Torch

@Suite struct RecomputeTests {
  /// The backward pass of a GPU has a thread of its own, in which libtorch keeps another type.
  @Test func computesAgainInTheTypeOfTheForwardPass() throws {
    let generator = try Generator(seed: 3)
    let x = Tensor.randn([4, 8], generator: generator)
    let weight = Tensor.randn([8, 8], generator: generator)
    x.requiresGradient = true
    var types: [DType] = []
    let result = try withMixedPrecision(.float16, on: .cpu) {
      recomputing(x, x) { first, _ in
        let result = linear(first, weight: weight)
        types.append(result.dtype)
        return result
      }
    }
    try withMixedPrecision(.bfloat16, on: .cpu) {}
    result.sum().backward()
    #expect(types == [.float16, .float16])
  }
}
