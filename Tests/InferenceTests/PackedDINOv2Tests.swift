internal import Inference
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct PackedDINOv2Tests {
  @Test(arguments: [true, false]) func computesWhatTheReferenceDoes(_ isPacked: Bool) throws {
    let values = try GoldenValues("dinov2")
    let state = try StateDicts.dinov2(values.weights)
    func tokens() throws -> Tensor {
      let network = PackedDINOv2(
        try .inferred(from: state.mapValues(\.shape)), imageSize: values["images"].size(2)
      ) { ParameterStore(.load(state)) }
      return try network(values["images"])
    }
    let result = isPacked ? try tokens() : try withPlainOperators(tokens)
    #expect(relativeError(result, values["tokens"]) < Tolerance.float32)
  }

  @Test func otherSizesAreThoseOfTheNetworkAsWritten() throws {
    let state = try StateDicts.dinov2(try GoldenValues("dinov2").weights)
    let config = try DINOv2Config.inferred(from: state.mapValues(\.shape))
    let images = Tensor.randn([3, 3, 42, 42], generator: try Generator(seed: 3))
    let network = PackedDINOv2(config, imageSize: 42) { ParameterStore(.load(state)) }
    let written = DINOv2(config, at: ParameterStore(.load(state)).root)
    #expect(relativeError(try network(images), try written(images)) < Tolerance.float32)
    try expectStops(least: 2) { try network(images, check: $0) }
  }
}
