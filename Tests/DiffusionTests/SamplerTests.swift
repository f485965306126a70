internal import Diffusion
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct SamplerTests {
  @Test(arguments: [("first", 9), ("middle", 5), ("last", 0)]) func takesTheReferenceStep(
    _ name: String, _ step: Int
  ) throws {
    let values = try GoldenValues("diffusion")
    let (x, noise) = (values["step.x"], values["step.noise"])
    func result(
      _ method: SamplingMethod, learned: Bool, eta: Double = 0
    ) throws -> Tensor {
      var sampler = try method.makeSampler(
        on: NoiseSchedule.linear, stepCount: 10, options: SamplerOptions(eta: eta))
      let output = values[learned ? "step.output" : "step.output_fixed"]
      let predictor = Predictor(
        { _, _ in output }, path: NoiseSchedule.linear,
        parametrization: .noise(learnsVariance: learned))
      var latents = x
      for _ in step..<10 { latents = sampler.step(x, predictor) { noise } }
      return latents
    }
    let results = [
      ("ddpm_learned", try result(.ddpm, learned: true)),
      ("ddpm_fixed", try result(.ddpm, learned: false)),
      ("ddim_eta0", try result(.ddim, learned: true)),
      ("ddim_eta0.5", try result(.ddim, learned: true, eta: 0.5)),
    ]
    for (method, result) in results {
      #expect(
        relativeError(result, values["step.\(method).\(name)"]) < Tolerance.float32, "\(method)")
    }
  }

  @Test func drawsWhatPyTorchDraws() throws {
    let values = try GoldenValues("dit-even")
    let generator = try Generator(seed: 42)
    for draw in 0...3 {
      let expected = values["randn.seed42.\(draw)"]
      let drawn = Tensor.randn(expected.shape, generator: generator)
      #expect(relativeError(drawn, expected) < Tolerance.random)
    }
  }
}

/// Every method for discrete steps against its file of golden values, `sampler-NAME`.
@Suite struct SamplingMethodTests {
  @Test(arguments: SamplingMethod.fitting(NoiseSchedule.linear)) func takesTheReferenceRuns(
    _ method: SamplingMethod
  ) throws {
    let values = try GoldenValues("sampler-\(method)")
    let runs = values.tensors("run.")
    #expect(!runs.isEmpty)
    for (name, expected) in runs {
      var sampler = try method.makeSampler(
        on: NoiseSchedule.linear, stepCount: expected.size(0), options: options(ofRun: name))
      let announced = sampler.networkTimes
      var asked: [Double] = []
      let predictor = Predictor(
        writingToOneTensor { x, time in
          asked.append(time)
          let shifts = values["shifts"] * (time / 1000)
          return (values["weights"] * concatenated([x, x], axis: 1) + shifts).hyperbolicTangent
        }, path: NoiseSchedule.linear, parametrization: .noise(learnsVariance: true))
      var x = values["start"]
      for index in 0..<expected.size(0) {
        #expect(sampler.time != nil)
        x = sampler.step(x, predictor) { values["noise"][index] }
        #expect(
          relativeError(x, expected[index]) < Tolerance.float32, "\(method) \(name), step \(index)")
      }
      #expect(sampler.time == nil)
      #expect(announced == nil || announced == asked)
    }
  }

  /// A run is named after its options, such as `order3,steps20,spacing-leading`.
  private func options(ofRun name: String) throws -> SamplerOptions {
    var options = SamplerOptions()
    for word in name.split(separator: ",") {
      if word.hasPrefix("eta") {
        options.eta = try #require(Double(word.dropFirst(3)))
      } else if word.hasPrefix("order") {
        options.solverOrder = try #require(Int(word.dropFirst(5)))
      } else if word.hasPrefix("spacing-") {
        let spacing: TimestepSpacing = try #require(.init(rawValue: String(word.dropFirst(8))))
        options.timestepSpacing = spacing
      } else {
        #expect(word == "default" || word.hasPrefix("steps"), "\(word)")
      }
    }
    return options
  }

  @Test(arguments: SamplingMethod.all) func isKnownByItsName(_ method: SamplingMethod) throws {
    #expect(SamplingMethod(named: method.name) == method)
    let text = try JSONEncoder().encode([method])
    #expect(String(decoding: text, as: UTF8.self) == "[\"\(method.name)\"]")
    #expect(try JSONDecoder().decode([SamplingMethod].self, from: text) == [method])
  }

  @Test(arguments: SamplingMethod.all) func runsItsDefaultSteps(_ method: SamplingMethod) throws {
    let paths: [any ProbabilityPath] = [
      NoiseSchedule.linear, DiffusionProcess.flow().path, DiffusionProcess.flow(of: .meanflow).path,
    ]
    let fitting = paths.filter { SamplingMethod.fitting($0).contains(method) }
    #expect(!fitting.isEmpty)
    for path in fitting {
      let sampler = try method.makeSampler(on: path)
      #expect(sampler.stepCount == method.defaultStepCount)
      let start = try #require(sampler.time)
      #expect(abs(path.position(of: start) - path.position(of: path.noiseTime)) < 0.0011)
    }
  }

  @Test func namesTheKnownMethodsForAnUnknownOne() throws {
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([SamplingMethod].self, from: Data("[\"plms\"]".utf8))
    }
    #expect("\(try #require(error))".contains("'plms'; known are ddpm, ddim"))
  }

  @Test(arguments: [1, 4]) func refusesAnOrderThatUniPCDoesNotHave(_ order: Int) throws {
    let error = #expect(throws: DiffusionError.self) {
      try SamplingMethod.unipc.makeSampler(
        on: NoiseSchedule.linear, options: SamplerOptions(solverOrder: order))
    }
    #expect(try #require(error).reason == .solverOrder)
  }

  @Test func takesItsDefaultStepsWhenTheMethodChanges() {
    var options = SamplingOptions()
    options.sampler = .heun
    #expect(options.stepCount == 25)
    options.stepCount = 7
    #expect(options.stepCount == 7)
  }

  @Test func takesTheDefaultsOfTheFamily() {
    let options = SamplingOptions(guidance: Guidance(scale: 2))
    let (dit, repa) = (options.settled(for: .dit), options.settled(for: .repa))
    #expect(dit.sampler == .ddpm && dit.stepCount == 250 && dit.guidance.channels == .first(3))
    #expect(dit.timestepSpacing == .respaced)
    #expect(repa.sampler == .heun && repa.stepCount == 25 && repa.guidance.channels == .all)
    var chosen = SamplingOptions(sampler: .unipc, stepCount: 8)
    chosen.guidance.channels = .first(1)
    let flow = chosen.settled(for: .sit)
    #expect(flow.sampler == .unipc && flow.stepCount == 8 && flow.timestepSpacing == .linspace)
    #expect(flow.guidance.channels == .first(1))
  }
}
