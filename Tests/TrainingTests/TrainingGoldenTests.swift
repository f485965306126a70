internal import Diffusion
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch
internal import Training

@Suite struct TrainingGoldenTests {
  private func config(_ change: (inout TrainingConfig) -> Void = { _ in }) -> TrainingConfig {
    var config = TrainingConfig()
    config.schedule = LearningRateSchedule(start: 1e-3)
    config.averageDecay = 0.9
    change(&config)
    return config
  }

  private struct Outcome {
    var losses: [Double] = []
    var norms: [Double] = []
    let model: TrainingModel
    let optimizer: AdamW
  }

  /// Ten steps of the reference's batches.
  private func train(_ config: TrainingConfig, count: Int = 10) throws -> Outcome {
    let values = try GoldenValues("training")
    let model = try GoldenValues("dit-even")
    let store = ParameterStore(.load(model.weights.mapValues(\.cloned)))
    let dit = DiT(try model.config.model, at: store.root)
    let training = TrainingModel(dit, store, config: config, device: .cpu)
    let optimizer = AdamW(training.trained, config: config)
    var outcome = Outcome(model: training, optimizer: optimizer)
    let diffusion = GaussianDiffusion(.linear, learnsVariance: true)
    for step in 0..<count {
      let (start, noise) = (values["steps.x0"][step], values["steps.noise"][step])
      let (t, y) = (values["steps.t"][step], values["steps.y"][step])
      let noised = diffusion.noised(start, noise: noise, t: t)
      let output = dit(noised, t: t, y: y)
      let loss = diffusion.trainingLoss(
        output: output, start: start, noised: noised, noise: noise, t: t)
      outcome.losses.append(loss.total.item)
      loss.total.backward()
      let gradients = optimizer.gradients()
      let norm = totalNorm(gradients)
      outcome.norms.append(norm)
      let clipping = config.maximumGradientNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
      try optimizer.step(
        gradients, learningRate: config.schedule.rate(at: step, of: count),
        gradientScale: clipping)
    }
    return outcome
  }

  @Test func takesTheReferenceStepsOfAdamW() throws {
    let values = try GoldenValues("training")
    let outcome = try train(config())
    #expect(relativeError(Tensor(outcome.losses), values["adamw.losses"]) < Tolerance.float32)
    #expect(relativeError(Tensor(outcome.norms), values["adamw.grad_norms"]) < Tolerance.float32)
    for (name, expected) in values.tensors("adamw.weights.") {
      let weight = try #require(outcome.model.store[name]).detached
      #expect(relativeError(weight, expected) < Tolerance.trainedWeights, "\(name)")
    }
    for (name, expected) in values.tensors("ema.weights.") {
      let place = try #require(outcome.optimizer.names.firstIndex(of: name))
      let average = outcome.optimizer.averages[place]
      #expect(relativeError(average, expected) < Tolerance.trainedWeights, "\(name)")
    }
  }

  @Test func decaysWeightsAndClipsGradientsAsTheReferenceDoes() throws {
    let values = try GoldenValues("training")
    let decayed = try train(config { $0.weightDecay = 0.03 })
    #expect(relativeError(Tensor(decayed.losses), values["adamw_wd.losses"]) < Tolerance.float32)
    let clipped = try train(config { $0.maximumGradientNorm = 0.5 })
    #expect(relativeError(Tensor(clipped.losses), values["clipped.losses"]) < Tolerance.float32)
  }

  @Test func decaysAllButBiasesWhereAskedTo() throws {
    let decayed = try train(
      config {
        $0.weightDecay = 0.5
        $0.decayGroups = .withoutBiases
      }, count: 1)
    let first = try train(config(), count: 1)
    for name in first.optimizer.names {
      let old = try #require(first.model.store[name]).detached
      let new = try #require(decayed.model.store[name]).detached
      #expect((relativeError(new, old) == 0) == name.hasSuffix("bias"), "\(name)")
    }
  }

  @Test func givesTheSameGradientsWhenBlocksAreComputedAgain() throws {
    func gradients(_ recompute: Recompute) throws -> [Tensor] {
      let values = try GoldenValues("dit-even")
      let store = ParameterStore(.load(values.weights.mapValues(\.cloned)))
      let dit = DiT(try values.config.model, at: store.root)
      let config = config { $0.recompute = recompute }
      let training = TrainingModel(dit, store, config: config, device: .cpu)
      let draws = StepDraws(
        shape: [4, 4, 8, 8], hasPosterior: false, config: config, generator: try Generator(seed: 1))
      let loss = try training.loss(
        start: values["train_x0"], labels: values["train_y"], draws: draws)
      loss.total.backward()
      return AdamW(training.trained, config: config).gradients()
    }
    let plain = try gradients(.none)
    for recompute in [Recompute.all, .every(2)] {
      for (again, gradient) in zip(try gradients(recompute), plain) {
        #expect(relativeError(again, gradient) == 0)
      }
    }
  }

  // Weights in the lower precision that were kept over a step would show in the second loss.
  @Test func takesTheSameStepsInMixedPrecisionWhenBlocksAreComputedAgain() throws {
    func losses(_ recompute: Recompute) throws -> [Double] {
      let values = try GoldenValues("dit-even")
      let store = ParameterStore(.load(values.weights.mapValues(\.cloned)))
      let dit = DiT(try values.config.model, at: store.root)
      let config = config {
        $0.recompute = recompute
        $0.dtype = .bfloat16
      }
      let training = TrainingModel(dit, store, config: config, device: .cpu)
      let optimizer = AdamW(training.trained, config: config)
      let draws = StepDraws(
        shape: [4, 4, 8, 8], hasPosterior: false, config: config, generator: try Generator(seed: 1))
      return try (0..<3).map { _ in
        let loss = try training.loss(
          start: values["train_x0"], labels: values["train_y"], draws: draws)
        loss.total.backward()
        try optimizer.step(optimizer.gradients(), learningRate: 0.01, gradientScale: 1)
        return loss.total.item
      }
    }
    let plain = try losses(.none)
    #expect(Set(plain).count == 3)
    #expect(try losses(.all) == plain)
  }

  @Test func drawsInTheReferenceOrder() throws {
    let values = try GoldenValues("training")
    let draws = StepDraws(
      shape: [8, 4, 8, 8], hasPosterior: true, config: TrainingConfig(),
      generator: try Generator(seed: 3407))
    let posterior = try #require(draws.posteriorNoise)
    #expect(relativeError(posterior, values["draws.posterior"]) < Tolerance.random)
    #expect(draws.timesteps.elements(Int.self) == values["draws.t"].elements(Int.self))
    #expect(relativeError(draws.noise, values["draws.noise"]) < Tolerance.random)
    #expect(draws.isDropped.elements(Bool.self) == values["draws.dropout"].elements(Bool.self))
  }
}

@Suite struct ScheduleTests {
  @Test func followsTheReferenceSchedules() throws {
    let values = try GoldenValues("training")
    let tables: [(String, LearningRateSchedule)] = [
      ("constant", LearningRateSchedule(start: 1e-4, warmupCount: 10)),
      ("linear", .init(.linear, start: 1e-4, end: 1e-6, warmupCount: 10, decayCount: 100)),
      ("cosine", .init(.cosine, start: 1e-4, end: 1e-6, warmupCount: 10, decayCount: 100)),
      ("polynomial", .init(.polynomial, start: 1e-4, end: 1e-6, warmupCount: 10, decayCount: 100)),
    ]
    for (name, schedule) in tables {
      let rates = (0...120).map { schedule.rate(at: $0, of: 1000) }
      #expect(
        relativeError(Tensor(rates), values["schedule.\(name)"]) < Tolerance.float64, "\(name)")
    }
  }

  @Test func scalesTheLossAsTheReferenceDoes() throws {
    let values = try GoldenValues("training")
    let overflows = values["scaler.found_inf"].elements(Bool.self)
    var scaler = LossScaler(.dynamic(initial: 65536, factor: 2, window: 5))
    let scales = overflows.map { overflowed in
      scaler.update(overflowed: overflowed)
      return scaler.scale
    }
    #expect(scales == values["scaler.scale"].elements(Double.self))
  }

  @Test func weighsTimestepsAsTheReferenceDoes() throws {
    let values = try GoldenValues("training")
    let weights = values["min_snr.weights"]
    let diffusion = GaussianDiffusion(.linear, learnsVariance: false)
    let t = Tensor(Array(0..<1000))
    let zeros = Tensor.zeros([1000, 1, 1, 1])
    let loss = diffusion.trainingLoss(
      output: zeros, start: zeros, noised: zeros, noise: zeros + 1, t: t,
      weighting: .minSNR(gamma: 5))
    #expect(relativeError(loss.total, weights.mean()) < Tolerance.float32)
  }

  @Test func boundsTheLikelihoodAsTheReferenceDoes() throws {
    let values = try GoldenValues("training")
    let bits = GaussianDiffusion(.linear, learnsVariance: true).variationalBound(
      output: values["bound.output"], start: values["bound.x0"], noised: values["bound.xt"],
      t: values["bound.t"])
    let expected = values["bound.bits"]
    for row in 0..<bits.size(0) {
      #expect(relativeError(bits[row], expected[row]) < Tolerance.float32, "row \(row)")
    }
  }
}
