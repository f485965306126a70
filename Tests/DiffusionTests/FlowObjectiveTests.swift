internal import Diffusion
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FlowObjectiveTests {
  @Test(arguments: FlowPath.Shape.allCases, Flow.Prediction.allCases)
  func hasTheReferenceLossAndGradient(
    _ shape: FlowPath.Shape, _ prediction: Flow.Prediction
  ) throws {
    let values = try GoldenValues("flows")
    for weighting in FlowWeighting.allCases where prediction != .velocity || weighting == .none {
      let name = "loss.\(shape).\(prediction).\(weighting)"
      let objective = FlowObjective(Flow(shape, prediction), weighting: weighting)
      let output = values["loss.output"].cloned
      output.requiresGradient = true
      let loss = objective.loss(
        x0: values["loss.x0"], noise: values["loss.noise"], t: values["loss.t"]
      ) { xt, t in
        #expect(relativeError(xt, values["loss.xt.\(shape)"]) < Tolerance.float32)
        #expect(relativeError(t, values["loss.t"]) == 0)
        return output
      }
      #expect(
        relativeError(loss.squaredError.detached, values[name + ".rows"]) < Tolerance.float32,
        "\(name)")
      #expect(
        relativeError(loss.total.detached, values[name + ".total"]) < Tolerance.float32, "\(name)")
      loss.total.backward()
      let gradient = try #require(output.gradient)
      #expect(relativeError(gradient, values[name + ".gradient"]) < Tolerance.float32, "\(name)")
    }
  }

  @Test func addsTheReferenceDifferenceOfDirections() throws {
    let values = try GoldenValues("lightning/training")
    let output = values["loss.output"].cloned
    output.requiresGradient = true
    // x0 - noise is the velocity.
    let noise = Tensor.randn(output.shape, generator: try Generator(seed: 1))
    let loss = FlowObjective(directionWeight: 1).loss(
      x0: values["loss.velocity"] + noise, noise: noise, t: Tensor([0.2, 0.7]).to(.float32)
    ) { _, _ in output }
    #expect(relativeError(loss.squaredError.detached, values["loss.error"]) < Tolerance.float32)
    let expected = values["loss.error"].mean() + values["loss.direction"].mean()
    #expect(relativeError(loss.total.detached, expected) < Tolerance.float32)
    loss.total.backward()
    let gradient = try #require(output.gradient)
    #expect(relativeError(gradient, values["loss.gradient"]) < Tolerance.float32)
  }

  /// A new model predicts 0, which has no direction.
  @Test func hasAGradientWhereThePredictionIsZero() throws {
    let output = Tensor.zeros([1, 2, 2, 2])
    output.requiresGradient = true
    let generator = try Generator(seed: 3)
    let x0 = Tensor.randn([1, 2, 2, 2], generator: generator)
    let noise = Tensor.randn([1, 2, 2, 2], generator: generator)
    let loss = FlowObjective(directionWeight: 1).loss(
      x0: x0, noise: noise, t: Tensor([0.5]).to(.float32)
    ) { _, _ in output }
    loss.total.backward()
    let gradient = try #require(output.gradient)
    #expect(relativeError(gradient, (x0 - noise) * (-2.0 / 8)) < Tolerance.float32)
    let squares = (x0 - noise).squared.mean()
    #expect(relativeError(loss.total.detached, squares + 1) < Tolerance.float32)
  }

  @Test func drawsTimesBetweenTheEndsOfThePath() throws {
    let generator = try Generator(seed: 1)
    func range(_ flow: Flow, _ distribution: TimestepDistribution) -> (Double, Double) {
      let times = flow.trainingPath.drawTimes(10000, distribution, generator: generator)
        .elements(Float.self)
      return (Double(times.min() ?? 0), Double(times.max() ?? 0))
    }
    let uniform = range(Flow(), .uniform)
    #expect(uniform.0 >= 0 && uniform.0 < 0.001 && uniform.1 < 1 && uniform.1 > 0.999)
    let noise = range(Flow(.linear, .noise), .uniform)
    #expect(noise.0 >= 0.001 && noise.1 <= 0.9991)
    let wide = range(Flow(.gvp, .score), .logitNormal(mean: 0, deviation: 20))
    #expect(abs(wide.0 - 0.001) < 1e-6 && abs(wide.1 - 0.999) < 1e-6)
  }

  @Test func drawsLogitNormalTimesAroundTheirMean() throws {
    let times = Flow().trainingPath.drawTimes(
      20000, .logitNormal(mean: 1, deviation: 0.5), generator: try Generator(seed: 2)
    ).elements(Float.self).sorted()
    // The logistic function of the mean is the median.
    #expect(abs(times[10000] - 0.731) < 0.01)
  }
}
