internal import Layers
internal import Models
internal import Torch

extension AutoencoderKL {
  /// The model of some weights, in the shape that they show.
  init(_ weights: [String: Tensor]) throws {
    let config = try AutoencoderKLConfig.inferred(from: weights.mapValues(\.shape))
    self.init(config, at: ParameterStore(.load(weights)).root)
  }
}
