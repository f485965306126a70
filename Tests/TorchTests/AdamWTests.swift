internal import TestSupport
internal import Testing
internal import Torch

/// AdamW of other devices, run on the processor, against our kernel.
@Suite struct AdamWTests {
  private struct State {
    private var slots: [OptimizerSlot]

    static let coefficients = AdamWCoefficients(beta1: 0.9, beta2: 0.99, epsilon: 1e-6)

    init(hasEMA: Bool) throws {
      let generator = try Generator(seed: 11)
      let shapes = [([5, 7], 0.1), ([33], 0), ([1], 0.1), ([2, 3, 4, 5], 0.02)]
      slots = shapes.map { shape, decay in
        let parameter = Tensor.randn(shape, generator: generator)
        return OptimizerSlot(
          parameter: parameter, gradient: .zeros(shape), firstMoment: .zeros(shape),
          secondMoment: .zeros(shape), ema: hasEMA ? parameter.cloned : nil, weightDecay: decay)
      }
    }

    var parameters: [Tensor] { slots.map(\.parameter) }

    var all: [Tensor] {
      parameters + slots.map(\.firstMoment) + slots.map(\.secondMoment) + slots.compactMap(\.ema)
    }

    func take(_ step: AdamWStep<Double>) { adamWInPlace(slots, State.coefficients, step: step) }
    func take(_ step: AdamWStep<Tensor>) { adamWInPlace(slots, State.coefficients, step: step) }

    mutating func takeSteps() throws {
      let generator = try Generator(seed: 12)
      for number in 1...4 {
        for index in slots.indices {
          slots[index].gradient = .randn(parameters[index].shape, generator: generator) * 8
        }
        let step = AdamWStep<Double>(
          learningRate: 0.01, number: Double(number), lossScale: Double(number), clipping: 1,
          emaWeight: 0.3, skipUpdate: 0)
        adamWInPlace(slots, State.coefficients, step: step)
      }
    }
  }

  @Test(arguments: [true, false]) func plainStepsMatchTheKernel(_ hasEMA: Bool) throws {
    var (kernel, plain) = (try State(hasEMA: hasEMA), try State(hasEMA: hasEMA))
    let start = try State(hasEMA: hasEMA)
    try kernel.takeSteps()
    try withPlainOperators { try plain.takeSteps() }
    #expect(plain.all.count == (hasEMA ? 16 : 12))
    for (a, b) in zip(plain.all, kernel.all) {
      #expect(relativeError(a, b) < Tolerance.trainedWeights)
    }
    for (a, b) in zip(plain.parameters, start.parameters) { #expect(relativeError(a, b) > 1e-3) }
  }

  @Test func skippedStepsChangeNothing() throws {
    let state = try State(hasEMA: true)
    let before = state.all.map { $0.elements(Float.self) }
    let step = AdamWStep<Double>(
      learningRate: 0.5, number: 3, lossScale: 8, clipping: 0.25, emaWeight: 0.125, skipUpdate: 1)
    state.take(step)
    state.take(AdamWStep<Tensor>(packed: step.packed))
    #expect(state.all.map { $0.elements(Float.self) } == before)
  }

  @Test func packsTheNumbersOfAStep() {
    let step = AdamWStep<Tensor>(
      packed: AdamWStep<Double>(
        learningRate: 0.5, number: 3, lossScale: 8, clipping: 0.25, emaWeight: 0.125, skipUpdate: 1
      ).packed)
    let numbers = [
      step.learningRate, step.number, step.lossScale, step.clipping, step.emaWeight,
      step.skipUpdate,
    ]
    #expect(numbers.map(\.item) == [0.5, 3, 8, 0.25, 0.125, 1])
  }

  @Test func acceptsNoParameters() {
    let step = AdamWStep<Double>(
      learningRate: 1, number: 1, lossScale: 1, clipping: 1, emaWeight: 1, skipUpdate: 0)
    adamWInPlace([], State.coefficients, step: step)
  }

  @Test func sendsToTheProcessor() throws {
    let x = Tensor.randn([3], generator: try Generator(seed: 1))
    #expect(x.sent(to: .cpu).elements(Float.self) == x.elements(Float.self))
  }
}
