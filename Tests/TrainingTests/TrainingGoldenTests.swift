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
    config.emaDecay = 0.9
    change(&config)
    return config
  }

  private struct Outcome {
    var losses: [Double] = []
    var norms: [Double] = []
    let trainer: Trainer
  }

  /// Steps of the trainer with the reference's batches and draws.
  private func train(
    count: Int = 10, _ change: (inout TrainingConfig) -> Void = { _ in }
  ) throws -> Outcome {
    let values = try GoldenValues("training")
    let y = values["steps.y"]
    let null = Double(try GoldenValues("dit-even").config.model.classCount)
    // The reference says which labels are the null class after dropout.
    let labelDropMask = y.isEqual(to: null)
    let labels = labelDropMask.select(.zeros([1], dtype: .int64), else: y)
    let data = GivenLatents((0..<count).map { (values["steps.x0"][$0], labels[$0]) })
    let trainer = try goldenTrainer(data, stepCount: count) {
      $0 = config(change)
      $0.batchSize = 4
    }
    var outcome = Outcome(trainer: trainer)
    for step in 0..<count {
      let report = try trainer.takeStep(
        randomness: StepRandomness(
          posteriorNoise: nil, times: values["steps.t"][step],
          noise: values["steps.noise"][step], labelDropMask: labelDropMask[step]))
      outcome.losses.append(report.loss)
      outcome.norms.append(report.gradientNorm)
    }
    return outcome
  }

  @Test func takesTheReferenceStepsOfAdamW() throws {
    let values = try GoldenValues("training")
    let outcome = try train()
    #expect(relativeError(Tensor(outcome.losses), values["adamw.losses"]) < Tolerance.float32)
    #expect(relativeError(Tensor(outcome.norms), values["adamw.grad_norms"]) < Tolerance.float32)
    for (name, expected) in values.tensors("adamw.weights.") {
      let weight = try #require(outcome.trainer.model.store[name]).detached
      #expect(relativeError(weight, expected) < Tolerance.trainedWeights, "\(name)")
    }
    for (name, expected) in values.tensors("ema.weights.") {
      let place = try #require(outcome.trainer.optimizer.names.firstIndex(of: name))
      let average = outcome.trainer.optimizer.ema[place]
      #expect(relativeError(average, expected) < Tolerance.trainedWeights, "\(name)")
    }
  }

  @Test func decaysWeightsAndClipsGradientsAsTheReferenceDoes() throws {
    let values = try GoldenValues("training")
    let decayed = try train { $0.weightDecay = 0.03 }
    #expect(relativeError(Tensor(decayed.losses), values["adamw_wd.losses"]) < Tolerance.float32)
    // All gradients are above the first norm, some above the second.
    for (name, norm) in [("clipped", 0.5), ("clipped_some", 5)] {
      let clipped = try train { $0.maximumGradientNorm = norm }
      #expect(
        relativeError(Tensor(clipped.losses), values[name + ".losses"]) < Tolerance.float32,
        "\(name)")
    }
  }

  @Test func decaysAllExceptBiasesIfAsked() throws {
    let decayed = try train(count: 1) {
      $0.weightDecay = 0.5
      $0.decayGroups = .withoutBiases
    }.trainer
    let first = try train(count: 1).trainer
    for name in first.optimizer.names {
      let old = try #require(first.model.store[name]).detached
      let new = try #require(decayed.model.store[name]).detached
      #expect((relativeError(new, old) == 0) == name.hasSuffix("bias"), "\(name)")
    }
  }

  // With all embedders frozen, no input of the first block requires a gradient.
  @Test(arguments: [[], ["embedder"], ["embedder", "blocks.0."]])
  func givesTheSameGradientsWithRecomputation(_ frozen: [String]) throws {
    func gradients(_ recompute: Recompute) throws -> [Tensor] {
      let values = try GoldenValues("dit-even")
      let store = ParameterStore(.load(values.weights.mapValues(\.cloned)))
      let dit = DiT(try values.config.model, at: store.root)
      let config = config {
        $0.recompute = recompute
        $0.frozen = frozen
      }
      let training = TrainingModel(dit, store, config: config, device: .cpu)
      let randomness = StepRandomness(
        shape: [4, 4, 8, 8], hasPosterior: false, config: config, generator: try Generator(seed: 1))
      let loss = try training.loss(
        x0: values["train_x0"], labels: values["train_y"], randomness: randomness)
      loss.total.backward()
      return AdamW(training.trained, config: config.adamW).gradients()
    }
    let plain = try gradients(.none)
    #expect(plain.allSatisfy { $0.norm().item > 0 })
    // libtorch's own operators may add in another order.
    let tolerance = Processor.hasOwnKernels ? 0 : Tolerance.float32
    for recompute in [Recompute.all, .every(2)] {
      for (again, gradient) in zip(try gradients(recompute), plain) {
        #expect(relativeError(again, gradient) <= tolerance)
      }
    }
  }

  // Weights in the lower precision that were kept over a step would show in the second loss.
  @Test func takesTheSameStepsInMixedPrecisionWithRecomputation() throws {
    func losses(_ recompute: Recompute) throws -> [Double] {
      let values = try GoldenValues("dit-even")
      let store = ParameterStore(.load(values.weights.mapValues(\.cloned)))
      let dit = DiT(try values.config.model, at: store.root)
      let config = config {
        $0.recompute = recompute
        $0.dtype = .bfloat16
      }
      let training = TrainingModel(dit, store, config: config, device: .cpu)
      let optimizer = AdamW(training.trained, config: config.adamW)
      let randomness = StepRandomness(
        shape: [4, 4, 8, 8], hasPosterior: false, config: config, generator: try Generator(seed: 1))
      return try (0..<3).map { _ in
        let loss = try training.loss(
          x0: values["train_x0"], labels: values["train_y"], randomness: randomness)
        loss.total.backward()
        try optimizer.step(optimizer.gradients(), learningRate: 0.01)
        return loss.total.item
      }
    }
    let plain = try losses(.none)
    #expect(Set(plain).count == 3)
    #expect(try losses(.all) == plain)
  }

  @Test func drawsInTheReferenceOrder() throws {
    let values = try GoldenValues("training")
    let randomness = StepRandomness(
      shape: [8, 4, 8, 8], hasPosterior: true, config: TrainingConfig(),
      generator: try Generator(seed: 3407))
    let posterior = try #require(randomness.posteriorNoise)
    #expect(relativeError(posterior, values["draws.posterior"]) < Tolerance.random)
    #expect(randomness.times.elements(Int.self) == values["draws.t"].elements(Int.self))
    #expect(relativeError(randomness.noise, values["draws.noise"]) < Tolerance.random)
    #expect(
      randomness.labelDropMask.elements(Bool.self) == values["draws.dropout"].elements(Bool.self))
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
    let objective = HybridObjective(learnsVariance: false, weighting: .minSNR(gamma: 5))
    // Each row has a squared error of its own, so that another order of weights shows.
    let times = (0..<1000).map { $0 * 7 % 1000 }
    let noise = (Tensor((0..<1000).map { Float($0) / 500 })).reshaped([1000, 1, 1, 1])
    let zeros = Tensor.zeros([1000, 1, 1, 1])
    let loss = objective.loss(x0: zeros, noise: noise, t: Tensor(times)) { _, _ in zeros }
    let table = weights.elements(Double.self)
    let mean = times.enumerated().reduce(0) { sum, row in
      sum + table[row.element] * (Double(row.offset) / 500 * Double(row.offset) / 500) / 1000
    }
    #expect(relativeError(loss.total, Tensor([mean])[0]) < Tolerance.float32)
  }

  @Test func boundsTheLikelihoodAsTheReferenceDoes() throws {
    let values = try GoldenValues("training")
    let bits = HybridObjective(learnsVariance: true).variationalBound(
      output: values["bound.output"], x0: values["bound.x0"], xt: values["bound.xt"],
      t: values["bound.t"])
    let expected = values["bound.bits"]
    for row in 0..<bits.size(0) {
      #expect(relativeError(bits[row], expected[row]) < Tolerance.float32, "row \(row)")
    }
  }
}
