extension TinyAutoencoderConfig {
  /// Infers the configuration from the shapes of a state dict with diffusers' names.
  ///
  /// - Throws: `ModelError` if the shapes are those of another model.
  public static func inferred(from shapes: [String: [Int]]) throws -> TinyAutoencoderConfig {
    let config = TinyAutoencoderConfig(
      encoder: encoder(Stack(shapes, "encoder.layers")),
      decoder: decoder(Stack(shapes, "decoder.layers")))
    guard config.latentChannelCount > 0 else {
      throw ModelError(
        "not a TinyAutoencoder: no stack of layers in encoder.layers or decoder.layers")
    }
    guard (config.encoder + config.decoder).allSatisfy(isSound),
      config.encoder.count(where: halves) <= ShapeArithmetic.maximumHalvingCount,
      config.decoder.count(where: { $0 == .upsample }) <= ShapeArithmetic.maximumHalvingCount
    else {
      throw ModelError(
        "not a TinyAutoencoder: its layers have sizes of zero or beyond counting, or change the"
          + " resolution more than \(ShapeArithmetic.maximumHalvingCount) times")
    }
    let half = TinyAutoencoderConfig(encoder: [], decoder: config.decoder)
    guard
      config.encoder.isEmpty || config.decoder.isEmpty
        || (half.downsamplingFactor, half.latentChannelCount)
          == (config.downsamplingFactor, config.encodedChannelCount)
    else {
      throw ModelError(
        "not a whole TinyAutoencoder: the encoder makes \(config.encodedChannelCount) channels at 1 /"
          + " \(config.downsamplingFactor) of the size, and the decoder takes"
          + " \(half.latentChannelCount) at 1 / \(half.downsamplingFactor)")
    }
    return config
  }

  private static func isSound(_ layer: Layer) -> Bool {
    switch layer {
    case .convolution(let input, let output, _, _): ShapeArithmetic.isSound([output, input, 3, 3])
    case .block(let width): ShapeArithmetic.isSound([width, width, 3, 3])
    case .relu, .upsample: true
    }
  }

  private static func halves(_ layer: Layer) -> Bool {
    if case .convolution(_, _, stride: 2, _) = layer { true } else { false }
  }

  /// Convolutions without bias halve the resolution.
  private static func encoder(_ stack: Stack) -> [Layer] {
    (0..<stack.count).compactMap { place in
      stack.parameterized(place, stride: stack.hasBias(place) ? 1 : 2)
    }
  }

  /// Layers without parameters are ReLU after the first convolution, and upsampling later.
  private static func decoder(_ stack: Stack) -> [Layer] {
    (0..<stack.count).map { place in
      stack.parameterized(place, stride: 1) ?? (place == 1 ? .relu : .upsample)
    }
  }

  /// The parameter shapes of numbered layers.
  private struct Stack {
    private let shapes: [String: [Int]]
    private let prefix: String
    /// One more than the last index with parameters.
    let count: Int

    init(_ shapes: [String: [Int]], _ prefix: String) {
      self.shapes = shapes
      self.prefix = prefix
      let places = shapes.keys.compactMap { name -> Int? in
        guard name.hasPrefix(prefix + ".") else { return nil }
        return NameTable.number(name.dropFirst(prefix.count + 1).prefix { $0 != "." })
      }
      count = min(places.max() ?? -1, 255) + 1
    }

    func hasBias(_ place: Int) -> Bool { shapes["\(prefix).\(place).bias"] != nil }

    func parameterized(_ place: Int, stride: Int) -> Layer? {
      if let shape = shapes["\(prefix).\(place).weight"], shape.count == 4 {
        return .convolution(
          input: shape[1], output: shape[0], stride: stride, hasBias: hasBias(place))
      }
      return shapes["\(prefix).\(place).conv.0.weight"]?.first.map { .block($0) }
    }
  }
}
