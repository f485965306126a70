internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct DiTBlockTests {
  /// A small model whose modulation is not zero, and inputs.
  private func model() throws -> (DiT, x: Tensor, t: Tensor, y: Tensor) {
    let values = try GoldenValues("dit-even")
    let store = ParameterStore(.load(values.weights))
    return (
      DiT(try values.config.model, at: store.root), values["x"], values["t"], values["y"]
    )
  }

  @Test func runsEachBlockThroughTheHookInOrder() throws {
    let (model, x, t, y) = try model()
    var indices: [Int] = []
    let output = model(x, t: t, y: y) { index, x, c, block in
      indices.append(index)
      return block(x, c)
    }
    #expect(indices == Array(model.blocks.indices))
    #expect((output - model(x, t: t, y: y)).magnitude.max().item == 0)
  }

  @Test func leavesOutABlockThatTheHookLeavesOut() throws {
    let (model, x, t, y) = try model()
    let output = model(x, t: t, y: y) { index, x, c, block in index == 0 ? x : block(x, c) }
    #expect(relativeError(output, model(x, t: t, y: y)) > Tolerance.float32)
  }

  @Test func namesTheLayersAsTheirParameters() throws {
    let (model, _, _, _) = try model()
    let store = ParameterStore(.shapes)
    let block = DiTBlock(model.config, positions: nil, at: store.root)
    for (name, layer) in block.branches.linearLayers {
      #expect(store[name.rawValue + ".weight"]?.shape == layer.weight.shape)
    }
    #expect(block.branches.linearLayers.count == 4)
    var visited: [BlockLayer] = []
    _ = block.map { name, layer in
      visited.append(name)
      return layer
    }
    #expect(visited == [.qkv, .projection, .fc1, .fc2])
  }

  // The lazy addition, settled before the sum or the next addition, is that of `gatedAdd`.
  @Test func addsLazily() throws {
    let generator = try Generator(seed: 5)
    func random(_ shape: [Int]) -> Tensor { .randn(shape, generator: generator) }
    let (x, y, z) = (random([2, 3, 8]), random([2, 3, 8]), random([2, 3, 8]))
    let (gate, other) = (random([2, 1, 8]), random([2, 1, 8]))
    let (shift, scale) = (random([2, 1, 8]), random([2, 1, 8]))
    var stream = PlainStream(x)
    stream.add(y, gate: gate)
    let norm = stream.normalized(shift: shift, scale: scale)
    let sum = x + gate * y
    let expected = layerNorm(sum, epsilon: PlainStream.epsilon) * (scale + 1) + shift
    #expect(relativeError(norm, expected) < Tolerance.float32)
    stream.add(z, gate: other)
    stream.add(z, gate: other)
    #expect(relativeError(stream.sum(), sum + other * z * 2) < Tolerance.float32)
  }
}
