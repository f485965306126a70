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
