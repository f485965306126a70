internal import Layers
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct PatchEmbedTests {
  @Test(arguments: [1, 2, 4]) func embedsByAMatrixProductAsByAConvolution(_ patch: Int) throws {
    let generator = try Generator(seed: 3)
    let layer = withoutGradients {
      PatchEmbed(
        3, 16, patchSize: patch, at: ParameterStore(.initialize(generator)).root)
    }
    layer.projection.bias?.normalInPlace(standardDeviation: 1, generator: generator)
    let images = Tensor.randn([2, 3, 8, 12], generator: generator)
    let tokens = layer.byMatrixProduct(images)
    #expect(tokens.shape == [2, 96 / patch / patch, 16] && tokens.isContiguous)
    #expect(relativeError(tokens, layer(images)) < Tolerance.float32)
  }
}
