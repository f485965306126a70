internal import Diffusion
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct SamplingLoopTests {
  private func steps(
    _ sampler: (any Sampler)? = nil, network: @escaping Network
  ) throws -> SamplingLoop {
    let generator = try Generator(seed: 1)
    let path = NoiseSchedule.linear
    return SamplingLoop(
      try sampler ?? SamplingMethod.ddim.makeSampler(on: path, stepCount: 3),
      Predictor(network, path: path, parametrization: .noise(learnsVariance: false)),
      from: .randn([2, 1, 4, 4], generator: generator), noise: .perBatch(generator),
      networkBatchSize: 2)
  }

  @Test func throwsWhatAStepCannotDo() throws {
    let steps = try steps { latents, _ in latents + Tensor.ones([3, 3]) }
    let error = #expect(throws: TorchError.self) { try steps.next() }
    #expect(try #require(error).description.contains("add"))
  }

  @Test(arguments: [SamplingMethod.ddpm, .ddim, .unipc, .dpm2MSDE])
  func goesOnFromTheStepBeforeAFailure(_ method: SamplingMethod) throws {
    func sampler() throws -> any Sampler {
      try method.makeSampler(on: NoiseSchedule.linear, stepCount: 3)
    }
    var calls = 0
    let steps = try steps(sampler()) { latents, _ in
      calls += 1
      return calls == 2 ? latents + Tensor.ones([3, 3]) : latents * 0.1
    }
    let undisturbed = try self.steps(sampler()) { latents, _ in latents * 0.1 }
    #expect(try steps.next()?.index == 0)
    #expect(throws: TorchError.self) { try steps.next() }
    var (last, expected): (SamplingStep?, SamplingStep?)
    while let step = try steps.next() { last = step }
    while let step = try undisturbed.next() { expected = step }
    let (result, reference) = (try #require(last), try #require(expected))
    #expect(result.index == 2 && result.isLast)
    #expect(relativeError(result.latents, reference.latents) == 0)
  }

  @Test func tellsHowFarItHasCome() throws {
    let steps = try steps { latents, _ in latents * 0.1 }
    var found: [SamplingStep] = []
    while let step = try steps.next() { found.append(step) }
    #expect(found.map(\.progress) == [1.0 / 3, 2.0 / 3, 1])
    #expect(found.map(\.time) == [999, 500, 0])
    #expect(found.map(\.isLast) == [false, false, true])
    #expect(found.allSatisfy { $0.count == 3 })
  }

  @Test(arguments: [SamplingMethod.ddim, .ddpm, .heun]) func showsWhatIsPredicted(
    _ method: SamplingMethod
  ) throws {
    let path = NoiseSchedule.linear
    func make(_ seen: ((Tensor, Tensor, Double) -> Void)? = nil) throws -> SamplingLoop {
      try steps(try method.makeSampler(on: path, stepCount: 4)) { latents, time in
        let output = latents * 0.1
        seen?(latents.cloned, output.cloned, time)
        return output
      }
    }
    var calls: [(x: Tensor, output: Tensor, time: Double)] = []
    let (watched, undisturbed) = (try make { calls.append(($0, $1, $2)) }, try make())
    var kept: [SamplingStep] = []
    while let step = try watched.next() {
      // Also of a step that is asked only later.
      kept.append(step)
      if step.index == 1 { _ = try step.predictedData() }
      let expected = try #require(calls.last)
      let point = path.point(at: expected.time)
      let x0 = (expected.x - expected.output * point.sigma) / point.alpha
      #expect(relativeError(try step.predictedData(), x0) < 1e-5)
      #expect(try step.predictedData().shape == step.latents.shape)
    }
    let plain = try undisturbed.run()
    #expect(relativeError(try #require(kept.last).latents, plain) == 0)
    let early = try kept[0].predictedData()
    #expect(relativeError(early, try kept[3].predictedData()) > 0)
  }

  @Test func keepsAPredictionWhoseMemoryIsUsedAgain() throws {
    let buffer = Tensor.zeros([2, 1, 4, 4])
    let steps = try steps { latents, _ in
      buffer.copyInPlace(from: latents * 0.1)
      return buffer
    }
    let apart = try self.steps { latents, _ in latents * 0.1 }
    let (first, reference) = (try #require(try steps.next()), try #require(try apart.next()))
    _ = try steps.next()
    #expect(relativeError(try first.predictedData(), try reference.predictedData()) == 0)
  }

  @Test func takesASamplerThatFindsItsTimesOnTheWay() throws {
    let steps = try steps(Halving(path: NoiseSchedule.linear, times: [], options: .init())) {
      latents, _ in latents * 0.1
    }
    var found: [SamplingStep] = []
    while let step = try steps.next() { found.append(step) }
    #expect(found.map(\.time) == [999, 499, 249, 124])
    #expect(found.map(\.progress) == [0.5, 0.75, 0.875, 1])
    #expect(found.allSatisfy { $0.count == nil })
  }
}

/// Halves the distance to the data until the time is below 100.
private struct Halving: Sampler {
  static let defaultStepCount: Int? = nil
  static let gridConvention = GridConvention.fractionalSteps

  static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }

  private(set) var time: Double?
  private let dataTime: Double
  let stepCount: Int? = nil
  let networkTimes: [Double]? = nil

  init(path: any ProbabilityPath, times: [Double], options: SamplerOptions) {
    time = path.noiseTime
    dataTime = path.dataTime
  }

  mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
    guard let current = time else { return x }
    let middle = (current + dataTime) / 2
    time = middle < 100 ? nil : middle
    return predict(x, at: current).x0
  }
}
