internal import Diffusion
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct PredictionTests {
  /// A network that is right, whatever its output stands for, gives back data, noise and velocity.
  @Test(arguments: [0.0, 300, 500.5, 998])
  func translatesEveryParametrization(_ time: Double) throws {
    let generator = try Generator(seed: 5)
    let (x0, noise) = (
      Tensor.randn([2, 3, 4, 4], generator: generator),
      Tensor.randn([2, 3, 4, 4], generator: generator)
    )
    let point = NoiseSchedule.linear.point(at: time)
    let x = x0 * point.alpha + noise * point.sigma
    let velocity = x0 * point.alphaSlope + noise * point.sigmaSlope
    let outputs: [(Parametrization, Tensor)] = [
      (.noise(learnsVariance: false), noise),
      (.noise(learnsVariance: true), concatenated([noise, x0], axis: 1)),
      (.x0, x0), (.velocity, velocity), (.score, noise * (-1 / point.sigma)),
    ]
    for (parametrization, output) in outputs {
      let prediction = Prediction(output, for: x, at: point, as: parametrization)
      // Dividing by a small factor magnifies rounding: by 1 / α for x₀, by 1 / σ for the noise.
      let known = [(prediction.x0, x0, point.alpha), (prediction.noise, noise, point.sigma)]
      for (value, expected, factor) in known {
        #expect(relativeError(value, expected) * factor < Tolerance.float32, "\(parametrization)")
      }
      let scale = max(1 / point.alpha, 1 / point.sigma)
      #expect(
        relativeError(prediction.velocity, velocity) < Tolerance.float32 * scale,
        "\(parametrization)")
    }
  }

  @Test func readsTheLearnedVariance() throws {
    let output = Tensor([Float(0.5), -1, 0, 1]).reshaped([1, 4, 1, 1])
    let x = Tensor.zeros([1, 2, 1, 1])
    let point = NoiseSchedule.linear.point(at: 10)
    let (low, high) = (Tensor.full([1, 1, 1, 1], -8), Tensor.full([1, 1, 1, 1], -4))
    let learned = Prediction(output, for: x, at: point, as: .noise(learnsVariance: true))
    let logVariance = try #require(learned.logVariance(between: low, and: high))
    #expect(logVariance.elements(Float.self) == [-6, -4])
    let fixed = Prediction(output, for: x, at: point, as: .noise(learnsVariance: false))
    #expect(fixed.logVariance(between: low, and: high) == nil)
  }
}
