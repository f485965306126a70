internal import TestSupport
internal import Testing
internal import Torch

/// The step that other devices take, taken on the processor, against our kernel.
@Suite struct OptimizationTests {
  private struct State {
    let parameters: [Tensor]
    let firstMoments: [Tensor]
    let secondMoments: [Tensor]
    let ema: [Tensor]

    init(hasEMA: Bool) throws {
      let generator = try Generator(seed: 11)
      parameters = [[5, 7], [33], [1], [2, 3, 4, 5]].map { .randn($0, generator: generator) }
      firstMoments = parameters.map { .zeros($0.shape) }
      secondMoments = parameters.map { .zeros($0.shape) }
      ema = hasEMA ? parameters.map(\.cloned) : []
    }

    var all: [Tensor] { parameters + firstMoments + secondMoments + ema }

    func takeSteps() throws {
      let generator = try Generator(seed: 12)
      for number in 1...4 {
        let gradients = parameters.map { Tensor.randn($0.shape, generator: generator) * 8 }
        adamWInPlace(
          parameters, gradients: gradients, firstMoments: firstMoments,
          secondMoments: secondMoments, ema: ema, weightDecays: [0.1, 0, 0.1, 0.02],
          step: AdamWStep(
            learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-6, number: number,
            gradientScale: 1 / Double(number), emaDecay: 0.7))
      }
    }
  }

  @Test(arguments: [true, false]) func stepsAsTheKernelDoes(_ hasEMA: Bool) throws {
    let (kernel, plain) = (try State(hasEMA: hasEMA), try State(hasEMA: hasEMA))
    let start = try State(hasEMA: hasEMA)
    try kernel.takeSteps()
    try withPlainOperators(plain.takeSteps)
    #expect(plain.all.count == (hasEMA ? 16 : 12))
    for (a, b) in zip(plain.all, kernel.all) {
      #expect(relativeError(a, b) < Tolerance.trainedWeights)
    }
    for (a, b) in zip(plain.parameters, start.parameters) { #expect(relativeError(a, b) > 1e-3) }
  }

  @Test func takesNoParametersAtAll() {
    adamWInPlace(
      [], gradients: [], firstMoments: [], secondMoments: [], ema: [], weightDecays: [],
      step: AdamWStep(
        learningRate: 1, beta1: 0, beta2: 0, epsilon: 1, number: 1, gradientScale: 1,
        emaDecay: 0))
  }

  @Test func sendsToTheProcessorWhatIsThere() throws {
    let x = Tensor.randn([3], generator: try Generator(seed: 1))
    #expect(x.sent(to: .cpu).elements(Float.self) == x.elements(Float.self))
  }
}
