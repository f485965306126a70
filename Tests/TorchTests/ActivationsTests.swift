internal import TestSupport
internal import Testing
internal import Torch

@Suite(.ownKernels) struct RowsTests {
  @Test(arguments: [[1, 1], [1, 5], [3, 31], [2, 3, 64], [4, 100]])
  func roundsToTheNearestStep(_ shape: [Int]) throws {
    let x = Tensor.randn(shape, generator: try Generator(seed: 1)) * 5
    let rows = Activations(x, as: .int8)
    let scales = try #require(rows.scales)
    #expect(rows.values.shape == shape && rows.values.dtype == .uint8)
    #expect(scales.count == x.count / shape[shape.count - 1])
    let errors = (rows.numbers - x).magnitude / scales.reshaped(shape.dropLast() + [1])
    #expect(errors.max().item < 0.5001)
  }

  @Test func mapsTheLargestMagnitudeTo127Steps() {
    let rows = Activations(
      Tensor([-2, 1, 0, 0.5, 0, 0, 0, 254] as [Float], shape: [2, 4]), as: .int8)
    #expect(rows.values.elements(Int.self) == [1, 192, 128, 160, 128, 128, 128, 255])
    #expect(rows.numbers[1].elements(Float.self) == [0, 0, 0, 254])
  }

  @Test(arguments: [Float(0), -0, .leastNonzeroMagnitude])
  func keepsZeroRows(_ value: Float) {
    let rows = Activations(Tensor([Float](repeating: value, count: 6), shape: [2, 3]), as: .int8)
    #expect(rows.values.elements(Int.self) == [Int](repeating: 128, count: 6))
    #expect(rows.numbers.elements(Float.self) == [Float](repeating: 0, count: 6))
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func marksNonFiniteRows(_ value: Float) {
    let rows = Activations(Tensor([1, value, 2, 1, 0, -1] as [Float], shape: [2, 3]), as: .int8)
    #expect(!rows.numbers[0].isFinite.anyTrue)
    #expect(relativeError(rows.numbers[1], Tensor([1, 0, -1] as [Float])) < 1e-6)
  }

  @Test func acceptsStridedRows() throws {
    let x = Tensor.randn([5, 7], generator: try Generator(seed: 2)).transposed()
    let (view, copy) = (Activations(x, as: .int8), Activations(x.contiguous, as: .int8))
    #expect(view.values.elements(Int.self) == copy.values.elements(Int.self))
    #expect(relativeError(view.numbers, x) < 0.01)
  }
}
