internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct QueryKeyTests {
  /// Images, tokens, heads, channels of a head: includes a head below a vector.
  private static let sizes = [[1, 1, 1, 4], [2, 9, 3, 8], [3, 16, 2, 36], [1, 25, 1, 72]]

  private func form(_ size: [Int], _ norm: NormKind?, isRotated: Bool) throws -> QueryKeyForm? {
    let generator = try Generator(seed: 4)
    let store = ParameterStore(
      .computed { shape, _ in Tensor.randn(shape, generator: generator) })
    let norms = norm.map {
      (
        query: HeadNorm($0, size[3], at: store.root / "q"),
        key: HeadNorm($0, size[3], at: store.root / "k")
      )
    }
    let angles = Tensor.randn([size[1], size[3] / 2], generator: generator) * 3
    return QueryKeyForm(norms: norms, positions: isRotated ? RotaryPositions(angles: angles) : nil)
  }

  @Test(
    .ownKernels, arguments: sizes,
    [(nil, true), (.rms, false), (.layer, false), (.rms, true), (.layer, true)]
      as [(NormKind?, Bool)])
  func kernelMatchesPlainOperators(_ size: [Int], _ parts: (NormKind?, Bool)) throws {
    let form = try #require(try form(size, parts.0, isRotated: parts.1))
    let width = size[2] * size[3]
    let qkv = Tensor.randn(
      [size[0], size[1], 3 * width], generator: try Generator(seed: 5))
    for (type, tolerance) in [(DType.float32, Tolerance.float32), (.bfloat16, 0.02)] {
      let expected = form(qkv.to(type).to(.float32), headCount: size[2])
      let updated = qkv.to(type).cloned
      let norms = form.norms
      let isDone = prepareQueriesAndKeys(
        updated, headCount: size[2], cosines: form.positions?.cosines,
        sines: form.positions?.sines,
        norm: norms.map { query, key in
          (query.kind, (query.weight, query.bias), (key.weight, key.bias))
        }, epsilon: norms?.query.epsilon ?? 0)
      #expect(isDone)
      #expect(relativeError(updated, expected) < tolerance)
      // Values stay.
      let values = updated.narrowed(axis: 2, start: 2 * width, count: width)
      let given = qkv.to(type).narrowed(axis: 2, start: 2 * width, count: width)
      #expect((values - given).magnitude.max().item == 0)
    }
  }

  /// A product of a query and a key depends on the difference of their places alone.
  @Test func productsDependOnDistances() throws {
    let angles = PositionEmbedding.rotary2D(headWidth: 12, gridSize: 5)
    let positions = RotaryPositions(angles: angles)
    let generator = try Generator(seed: 6)
    let x = Tensor.randn([1, 1, 1, 12], generator: generator).expanded(to: [1, 25, 1, 12])
    let rotated = positions(x).reshaped([25, 12])
    let products = rotated.matmul(rotated.transposed())
    // One down and two to the right, from different starts.
    for start in [0, 1, 6, 11] {
      let difference = products[start][start + 7].item - products[0][7].item
      #expect(abs(difference) < 1e-4)
    }
    #expect(abs(products[0][7].item - products[0][11].item) > 1e-3)
  }

  @Test(.ownKernels) func rejectsOddHeads() throws {
    let qkv = Tensor.zeros([1, 2, 9])
    let table = Tensor.zeros([2, 1])
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors {
        _ = prepareQueriesAndKeys(
          qkv, headCount: 1, cosines: table, sines: table, norm: nil, epsilon: 0)
      }
    }
    #expect(try #require(error).message.contains("heads of 3"))
  }
}
