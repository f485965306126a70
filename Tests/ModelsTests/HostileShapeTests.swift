internal import Layers
internal import Models
internal import Testing
internal import Torch

/// Shapes of a file that are zero or huge: an error or a model that can be laid out, never a trap.
@Suite struct HostileShapeTests {
  private static let sizes = [
    0, -1, 1, 3, 1 << 20, 1 << 31, 1 << 40, 1 << 62, Int.max - 3, Int.max,
  ]

  private static let dit = DiTConfig(
    inputSize: 4, channelCount: 4, patchSize: 2, hiddenSize: 32, depth: 1, headCount: 2,
    mlpRatio: 4, classCount: 3, learnsVariance: true)
  private static let tiny = TinyAutoencoderConfig(
    widths: [8, 16], latentChannelCount: 4, blockCount: 1)
  private static let kl = AutoencoderKLConfig(
    blockChannels: [8, 16], layersPerBlock: 1, latentChannelCount: 4, groupCount: 4)

  private static func shapes(_ build: (Scope) -> Void) -> [String: [Int]] {
    let store = ParameterStore(.shapes)
    build(store.root)
    return store.stateDict.mapValues(\.shape)
  }

  /// Puts each size in place of each size of each shape, alone and along with others, and reads them.
  private static func readHostile(
    _ shapes: [String: [Int]], _ read: ([String: [Int]]) throws -> (Scope) -> Void
  ) throws {
    func check(_ shapes: [String: [Int]]) throws {
      do {
        let build = try read(shapes)
        // What libtorch refuses to lay out is an error, as in `StateCheck`.
        _ = try? withTorchErrors { build(ParameterStore(.shapes).root) }
      } catch is ModelError {}
    }
    for size in sizes {
      for (name, shape) in shapes {
        for axis in shape.indices {
          var other = shapes
          other[name]?[axis] = size
          try check(other)
          // The elements are none, whatever the other size is.
          other[name]?[shape.count - 1] = 0
          try check(other)
        }
        var other = shapes
        other[name] = shape.map { _ in size }
        try check(other)
        other[name] = []
        try check(other)
      }
      try check(shapes.mapValues { $0.map { _ in size } })
    }
  }

  @Test func readsAnyShapesOfADiT() throws {
    let shapes = Self.shapes { _ = DiT(Self.dit, at: $0) }
    #expect(try DiTConfig.inferred(from: shapes, headCount: 2).config == Self.dit)
    try Self.readHostile(shapes) { shapes in
      let (config, _) = try DiTConfig.inferred(from: shapes)
      return { _ = DiT(config, at: $0) }
    }
  }

  @Test(arguments: [
    ["x_embedder.proj.weight": [4, 1, 1 << 40, 0], "blocks.0.mlp.fc1.weight": [4, 4]],
    ["x_embedder.proj.weight": [32, 1, 1 << 31, 1 << 31]],
    ["x_embedder.proj.weight": [32, 1 << 61, 2, 2], "final_layer.linear.weight": [0, 32]],
    ["x_embedder.proj.weight": [1 << 61, 4, 2, 2], "blocks.0.mlp.fc1.weight": [1 << 62, 0]],
    ["pos_embed": [1, Int.max, 0]], ["pos_embed": [1, 0, 32]], ["pos_embed": [1, 1 << 62, 32]],
    ["y_embedder.embedding_table.weight": [Int.max, 0]],
    ["blocks.0.mlp.fc1.weight": [1 << 62, 0]],
    ["final_layer.linear.weight": [Int.max, 0]], ["final_layer.linear.weight": [0, 0]],
    ["final_layer.linear.weight": [17, 32]], ["final_layer.linear.weight": [33, 32]],
  ])
  func refusesADiT(_ changes: [String: [Int]]) throws {
    var shapes = Self.shapes { _ = DiT(Self.dit, at: $0) }
    for (name, shape) in changes { shapes[name] = shape }
    #expect(throws: ModelError.self) { try DiTConfig.inferred(from: shapes) }
  }

  @Test func readsAnyShapesOfATinyAutoencoder() throws {
    let shapes = Self.shapes { _ = TinyAutoencoder(Self.tiny, at: $0) }
    #expect(try TinyAutoencoderConfig.inferred(from: shapes) == Self.tiny)
    try Self.readHostile(shapes) { shapes in
      let config = try TinyAutoencoderConfig.inferred(from: shapes)
      return { _ = TinyAutoencoder(config, at: $0) }
    }
  }

  /// Layers without parameters double the resolution, encoder convolutions without bias halve it.
  @Test(arguments: [(19, 17), (200, 200), (999_999, 17)])
  func refusesATinyAutoencoderOfManyHalvings(_ last: Int, encoderCount: Int) {
    let convolution = [4, 4, 3, 3]
    let decoder = [
      "decoder.layers.0.weight": [4, 4, 3, 3], "decoder.layers.\(last).weight": convolution,
    ]
    let names = (0..<encoderCount).map { ("encoder.layers.\($0).weight", convolution) }
    let encoder = Dictionary(uniqueKeysWithValues: names)
    for shapes in [decoder, encoder] {
      #expect(throws: ModelError.self) { try TinyAutoencoderConfig.inferred(from: shapes) }
    }
  }

  /// Numbers in names that cannot be counted on, in each dialect.
  @Test(arguments: ["\(Int.max)", "\(Int.min)", "-1", "+1", "1000000"])
  func leavesHugeNumbersInNamesAlone(_ number: String) {
    for names in [
      ["encoder.0.weight", "decoder.\(number).weight"],
      ["1.weight", "3.conv.0.weight", "\(number).weight"],
      ["decoder.conv_in.weight", "decoder.up.\(number).block.0.conv1.weight"],
      ["decoder.layers.0.weight", "decoder.layers.\(number).weight"],
    ] {
      let tensors = names.map { ($0, Tensor.zeros([4, 4, 3, 3])) }
      let state = StateDicts.autoencoder(Dictionary(uniqueKeysWithValues: tensors))?.state
      #expect(state?.count == names.count && state?.keys.contains(names[names.count - 1]) == true)
      let shapes = state?.mapValues(\.shape) ?? [:]
      _ = try? TinyAutoencoderConfig.inferred(from: shapes)
      _ = try? AutoencoderKLConfig.inferred(from: shapes)
    }
  }

  @Test func readsATinyAutoencoderOfSixteenHalvings() throws {
    let config = TinyAutoencoderConfig(
      widths: Array(repeating: 1, count: 17), latentChannelCount: 1, blockCount: 0)
    let shapes = Self.shapes { _ = TinyAutoencoder(config, at: $0) }
    #expect(try TinyAutoencoderConfig.inferred(from: shapes).downsamplingFactor == 1 << 16)
  }

  @Test func readsAnyShapesOfAnAutoencoderKL() throws {
    let shapes = Self.shapes { _ = AutoencoderKL(Self.kl, at: $0) }
    #expect(try AutoencoderKLConfig.inferred(from: shapes, groupCount: 4) == Self.kl)
    let decoder = shapes.filter { !StateDicts.isEncoderParameter($0.key) }
    for shapes in [shapes, decoder] {
      try Self.readHostile(shapes) { shapes in
        let config = try AutoencoderKLConfig.inferred(from: shapes, groupCount: 4)
        return { _ = AutoencoderKL(config, at: $0) }
      }
    }
  }

  @Test(arguments: [17, 18, 64, 65, 66, 100])
  func boundsTheResolutionsOfAnAutoencoderKL(_ count: Int) throws {
    let config = AutoencoderKLConfig(
      blockChannels: Array(repeating: 4, count: count), layersPerBlock: 1, groupCount: 4)
    let shapes = Self.shapes { _ = AutoencoderKL(config, at: $0) }
    guard count > 17 else {
      let read = try AutoencoderKLConfig.inferred(from: shapes, groupCount: 4)
      #expect(read.downsamplingFactor == 1 << 16)
      return
    }
    #expect(throws: ModelError.self) {
      try AutoencoderKLConfig.inferred(from: shapes, groupCount: 4)
    }
  }
}
