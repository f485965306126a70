internal import TestSupport
internal import Testing
internal import Torch

@Suite struct RecomputeTests {
  private func product(_ a: Tensor, _ b: Tensor) -> Tensor { a.matmul(b) }

  /// Numbers that each type rounds differently.
  private func inputs() throws -> [Tensor] {
    let generator = try Generator(seed: 3)
    let inputs = (0..<2).map { _ in Tensor.randn([16, 16], generator: generator) }
    for input in inputs { input.requiresGradient = true }
    return inputs
  }

  @Test func recomputesInTheSameType() throws {
    func gradient(_ body: (Tensor, Tensor) throws -> Tensor) throws -> Tensor {
      let inputs = try inputs()
      let result = try withMixedPrecision(.float16, on: .cpu) { try body(inputs[0], inputs[1]) }
      // The last mixed precision is another one than the first result's.
      _ = try withMixedPrecision(.bfloat16, on: .cpu) { product(inputs[0], inputs[1]) }
      result.to(.float32).sum().backward()
      return try #require(inputs[0].gradient)
    }
    let plain = try gradient { product(product($0, $1).squared, $1) }
    let again = try gradient { first, second in
      recomputing(first, second) { self.product(self.product($0, $1).squared, $1) }
    }
    #expect(again.elements(Float.self) == plain.elements(Float.self))
  }

  @Test func throwsAnErrorOfTheSecondCall() throws {
    let inputs = try inputs()
    var calls = 0
    let result = recomputing(inputs[0], inputs[1]) {
      calls += 1
      return self.product($0, calls == 1 ? $1 : .zeros([3, 3]))
    }
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors { result.sum().backward() }
    }
    #expect(try #require(error).message.contains("aten::matmul([16, 16] float32, [3, 3] float32)"))
    #expect(calls == 2)
  }

  @Test func throwsAnErrorOfTheFirstCall() throws {
    let inputs = try inputs()
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors {
        _ = recomputing(inputs[0], inputs[1]) { self.product($0, $1[0..<3]) }
      }
    }
    #expect(try #require(error).message.contains("aten::matmul"))
  }
}
