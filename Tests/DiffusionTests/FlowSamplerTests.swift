internal import Diffusion
internal import TestSupport
internal import Testing
internal import Torch

/// Samplers over flows against `flows.safetensors`.
@Suite struct FlowSamplerTests {
  /// A run of the file, from its name: the sampler, then options.
  private struct Run {
    var method: SamplingMethod
    var stepCount: Int?
    var flow = Flow()
    var family = ModelFamily.sit
    var options = SamplerOptions()

    init(_ name: String) throws {
      var words = name.split(separator: ",").map(String.init)
      method = try #require(SamplingMethod(named: words.removeFirst()))
      for word in words {
        func text(_ prefix: String) -> String? {
          word.hasPrefix(prefix) ? String(word.dropFirst(prefix.count)) : nil
        }
        if let value = text("steps") {
          stepCount = Int(value)
        } else if let value = text("shape-") {
          flow.shape = try #require(FlowPath.Shape(rawValue: value))
        } else if let value = text("prediction-") {
          flow.prediction = try #require(Flow.Prediction(rawValue: value))
        } else if let value = text("family-") {
          family = try #require(ModelFamily(rawValue: value))
        } else if let value = text("order") {
          options.solverOrder = try #require(Int(value))
        } else if let value = text("atol") {
          options.atol = try #require(Double(value))
        } else if let value = text("rtol") {
          options.rtol = try #require(Double(value))
        } else if let value = text("form-") {
          options.diffusionForm = try #require(DiffusionForm(rawValue: value))
        } else if let value = text("norm") {
          options.diffusionNorm = try #require(Double(value))
        } else if let value = text("last-") {
          options.lastStep = try #require(LastStep(rawValue: value))
        } else {
          options.lastStepSize = try #require(text("size").flatMap(Double.init))
        }
      }
    }
  }

  @Test(arguments: SamplingMethod.fitting(DiffusionProcess.flow().path))
  func takesTheReferenceRuns(_ method: SamplingMethod) throws {
    let values = try GoldenValues("flows")
    let runs = values.tensors("run.").filter { $0.key.hasPrefix(method.name + ",") }
    #expect(!runs.isEmpty)
    for (name, expected) in runs {
      let run = try Run(name)
      let process = DiffusionProcess.flow(run.flow, of: run.family)
      var sampler = try run.method.makeSampler(
        on: process.path, stepCount: run.stepCount, options: run.options)
      let announced = sampler.networkTimes
      var asked: [Double] = []
      let predictor = Predictor(
        writingToOneTensor { x, time in
          asked.append(time)
          return (values["weights"] * x + values["shifts"] * time).hyperbolicTangent
        }, path: process.path, parametrization: process.parametrization)
      var (x, index) = (values["start"], 0)
      while sampler.time != nil {
        x = sampler.step(x, predictor) { values["noise"][index] }
        if sampler.stepCount != nil {
          #expect(relativeError(x, expected[index]) < Tolerance.float32, "\(name), step \(index)")
        }
        index += 1
      }
      #expect(relativeError(x, expected[expected.size(0) - 1]) < Tolerance.float32, "\(name)")
      #expect(sampler.stepCount == nil || sampler.stepCount == index)
      #expect(announced == nil || announced == asked, "\(name)")
    }
  }

  /// Beyond the end, where the last step of dopri5 would ask, these have no velocity.
  @Test(arguments: [Flow(.vp, .noise), Flow(.linear, .x0), Flow(.gvp, .x0)])
  func endsWithinThePath(_ flow: Flow) throws {
    let values = try GoldenValues("flows")
    let process = DiffusionProcess.flow(flow)
    func result(_ method: SamplingMethod, _ stepCount: Int?) throws -> Tensor {
      var sampler = try method.makeSampler(on: process.path, stepCount: stepCount)
      let predictor = Predictor(
        { x, time in (values["weights"] * x + values["shifts"] * time).hyperbolicTangent },
        path: process.path, parametrization: process.parametrization)
      var x = values["start"]
      while sampler.time != nil { x = sampler.step(x, predictor) { x } }
      return x
    }
    let (adaptive, fine) = (try result(.dopri5, nil), try result(.heun, 2000))
    #expect(relativeError(adaptive, fine) < 5e-3)
  }

  /// The last step goes far beyond the time of data.
  @Test func isGuidedBeyondTheEnd() throws {
    var rows: [(time: Double, count: Int)] = []
    let loop = try SamplingOptions(sampler: .dopri5, guidance: Guidance(scale: 2)).loop(
      labels: [1, 2], nullClass: 9, shape: [2, 3, 3], process: .flow(),
      noise: .perBatch(try Generator(seed: 1)), device: .cpu
    ) { _, _ in
      { latents, time in
        rows.append((time, latents.size(0)))
        return latents * 0.5
      }
    }
    _ = try loop.run()
    #expect(rows.contains { $0.time > 1 })
    #expect(rows.allSatisfy { $0.count == 4 })
  }

  @Test func endsForLatentsThatAreNotFinite() throws {
    let path = DiffusionProcess.flow().path
    var sampler = try SamplingMethod.dopri5.makeSampler(on: path)
    let predictor = Predictor({ x, _ in x * .nan }, path: path, parametrization: .velocity)
    var (x, calls) = (Tensor.ones([1, 1, 2, 2]), 0)
    while sampler.time != nil, calls < 10 {
      x = sampler.step(x, predictor) { x }
      calls += 1
    }
    #expect(sampler.time == nil)
  }

  /// Steps of the least length do not become shorter and shorter.
  @Test func endsForASlopeWithoutSteps() throws {
    let path = FlowPath(.linear, ends: 0.5...0.5001)
    var sampler = try SamplingMethod.dopri5.makeSampler(on: path)
    let predictor = Predictor(
      { x, time in x * ((time * 1e12).truncatingRemainder(dividingBy: 2) < 1 ? 1e6 : -1e6) },
      path: path, parametrization: .velocity)
    var (x, count) = (Tensor.ones([1, 1, 2, 2]), 0)
    while sampler.time != nil, count < 40 {
      x = sampler.step(x, predictor) { x }
      count += 1
    }
    #expect(sampler.time == nil, "\(count) steps")
  }

  @Test(arguments: [(SamplingMethod.ddpm), .ddim]) func refusesASamplerOfDiscreteSteps(
    _ method: SamplingMethod
  ) throws {
    let error = #expect(throws: DiffusionError.self) {
      try method.makeSampler(on: DiffusionProcess.flow().path)
    }
    let message = try #require(error).message
    #expect(message.contains("euler, heun, unipc") && message.contains("dopri5, euler-sde"))
  }

  @Test(arguments: [SamplingMethod.dopri5, .eulerSDE]) func refusesASamplerOfFlows(
    _ method: SamplingMethod
  ) throws {
    let error = #expect(throws: DiffusionError.self) {
      try method.makeSampler(on: NoiseSchedule.linear)
    }
    #expect(try #require(error).message.contains("ddpm, ddim, euler"))
  }

  @Test func refusesOptionsOutOfRange() throws {
    let path = DiffusionProcess.flow().path
    func reason(
      _ method: SamplingMethod, _ stepCount: Int? = nil, _ change: (inout SamplerOptions) -> Void
    ) -> DiffusionError.Reason? {
      var options = SamplerOptions()
      change(&options)
      let error = #expect(throws: DiffusionError.self) {
        try method.makeSampler(on: path, stepCount: stepCount, options: options)
      }
      return error?.reason
    }
    #expect(reason(.dopri5) { $0.atol = 0 } == .tolerance)
    #expect(reason(.dopri5) { $0.rtol = -1 } == .tolerance)
    #expect(reason(.eulerSDE) { $0.diffusionNorm = -1 } == .diffusionNorm)
    #expect(reason(.eulerSDE) { $0.lastStepSize = 1 } == .stepCount)
    #expect(reason(.eulerSDE, 1) { _ in } == .stepCount)
    #expect(reason(.eulerSDE) { $0.timestepSpacing = .shifted } == .path)
    #expect(reason(.heun) { $0.timestepSpacing = .trailing } == .path)
    #expect(reason(.heun) { $0.timestepSpacing = .optimized } == .path)
    #expect(reason(.heun, 0) { _ in } == .stepCount)
  }

  @Test func shiftsTimes() throws {
    let times = try ShiftedGrid(.fractionalSteps, shift: 0.3).times(
      4, on: DiffusionProcess.flow().path)
    for (time, expected) in zip(times, [0, 0.25, 0.5, 0.75, 1]) {
      #expect(abs(time - 0.3 * expected / (1 - 0.7 * expected)) < 1e-12)
    }
  }
}
