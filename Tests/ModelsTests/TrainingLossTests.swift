internal import Diffusion
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct TrainingLossTests {
  @Test(arguments: ["dit-even", "dit-odd", "dit-fixed"])
  func hasTheReferenceLossAndEveryGradient(_ name: String) throws {
    let values = try GoldenValues(name)
    let gradients = try GoldenValues(name + "-gradients").tensors("gradients.")
    let store = ParameterStore(.load(values.weights))
    let model = DiT(try values.config.model, at: store.root)
    for name in store.names where name != "pos_embed" { store[name]?.requiresGradient = true }
    let objective = HybridObjective(learnsVariance: model.config.learnsVariance)
    let (x0, noise) = (values["train_x0"], values["noise"])
    let (t, y) = (values["train_t"], values["train_y"])
    let xt = objective.addNoise(x0, noise: noise, t: t)
    #expect(relativeError(xt, values["xt"]) < Tolerance.float32)
    let loss = objective.loss(x0: x0, noise: noise, t: t) { model($0, t: $1, y: y) }
    #expect(relativeError(loss.squaredError.detached, values["loss_mse"]) < Tolerance.float32)
    if let bound = loss.variationalBound {
      #expect(relativeError(bound.detached, values["loss_vb"]) < Tolerance.float32)
    }
    #expect(relativeError(loss.total.detached, values["loss"]) < Tolerance.float32)
    loss.total.backward()
    #expect(!gradients.isEmpty)
    for (name, expected) in gradients {
      let gradient = try #require(store[name]?.gradient)
      #expect(relativeError(gradient, expected) < Tolerance.float32, "\(name)")
    }
  }
}
