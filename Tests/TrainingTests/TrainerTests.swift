internal import Diffusion
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Training

@Suite struct TrainerTests {
  private func values(_ tensors: [Tensor]) -> [[Float]] { tensors.map { $0.elements(Float.self) } }

  private func kept(_ trainer: Trainer) -> [[[Float]]] {
    let optimizer = trainer.optimizer
    return [
      optimizer.parameters, optimizer.firstMoments, optimizer.secondMoments, optimizer.ema,
    ].map(values)
  }

  @Test func callsBeforeUpdateBeforeItChangesAnything() throws {
    let trainer = try goldenTrainer(GivenLatents(count: 2, rows: 2)) { $0.batchSize = 2 }
    _ = try trainer.takeStep()
    let before = kept(trainer)
    var then: [[[Float]]] = []
    _ = try trainer.takeStep(beforeUpdate: { then = kept(trainer) })
    #expect(then == before)
    for (after, before) in zip(kept(trainer), before) { #expect(after != before) }
  }

  @Test func takesTheSameStepsInMicroBatches() throws {
    func train(rows: Int) throws -> (losses: [Double], trainer: Trainer) {
      let trainer = try goldenTrainer(GivenLatents(count: 24, rows: rows)) {
        $0.batchSize = rows
        $0.accumulationCount = 8 / rows
      }
      return (try (0..<2).map { _ in try trainer.takeStep().loss }, trainer)
    }
    let (whole, parts) = (try train(rows: 8), try train(rows: 2))
    #expect(relativeError(Tensor(parts.losses), Tensor(whole.losses)) < 1e-6)
    let optimizer = whole.trainer.optimizer
    for (index, name) in optimizer.names.enumerated() {
      let weights = [parts, whole].map {
        comparable($0.trainer.optimizer.parameters[index].detached, name)
      }
      #expect(relativeError(weights[0], weights[1]) < 1e-6, "\(name)")
    }
  }

  @Test func skipsStepsThatAreNotFinite() throws {
    let good = try GivenLatents(count: 2, rows: 2).next()
    guard case .moments(let start, _) = good.content else {
      Issue.record("no moments")
      return
    }
    let bad = GivenLatents(
      [(start, good.labels)] + Array(repeating: (start * .nan, good.labels), count: 25))
    let trainer = try goldenTrainer(bad, stepCount: 26) { $0.batchSize = 2 }
    #expect(try !trainer.takeStep().wasSkipped)
    let before = kept(trainer)
    for count in 1..<25 {
      let report = try trainer.takeStep()
      #expect(report.wasSkipped && report.loss.isNaN && trainer.skippedInARow == count)
    }
    #expect(kept(trainer) == before && trainer.optimizer.stepCount == 1)
    let error = #expect(throws: TrainingError.self) { try trainer.takeStep() }
    #expect(try #require(error).message.hasPrefix("the last 25 steps had"))
    #expect(kept(trainer) == before)
  }

  @Test(arguments: [true, false]) func changesNothingIfAStepFails(_ records: Bool) throws {
    let good = try GivenLatents(count: 2, rows: 2).next()
    guard case .moments(let start, _) = good.content else {
      Issue.record("no moments")
      return
    }
    let unfit = start.narrowed(axis: 1, start: 0, count: 3)
    let data = GivenLatents([(start, good.labels), (unfit, good.labels), (start, good.labels)])
    let trainer = try goldenTrainer(data) {
      $0.batchSize = 2
      $0.recordsSteps = records
    }
    _ = try trainer.takeStep()
    let before = kept(trainer)
    #expect(throws: TorchError.self) { try trainer.takeStep() }
    #expect(kept(trainer) == before && trainer.step == 1 && trainer.optimizer.stepCount == 1)
    #expect(try !trainer.takeStep().wasSkipped)
  }

  @Test func countsSkippedStepsInARow() throws {
    let good = try GivenLatents(count: 2, rows: 2).next()
    guard case .moments(let start, _) = good.content else {
      Issue.record("no moments")
      return
    }
    let data = GivenLatents([(start * .nan, good.labels), (start, good.labels)])
    let trainer = try goldenTrainer(data, stepCount: 60) { $0.batchSize = 2 }
    let dropped = try (0..<52).map { _ in try trainer.takeStep().wasSkipped }
    #expect(dropped == (0..<52).map { $0.isMultiple(of: 2) })
  }

  @Test(arguments: [LossScaling.constant(256), .dynamic(initial: 1024, factor: 4, window: 2)])
  func takesTheStepsOfFloat32InFloat16(_ scaling: LossScaling) throws {
    func train(_ change: (inout TrainingConfig) -> Void) throws -> [StepReport] {
      let trainer = try goldenTrainer(GivenLatents(count: 8, rows: 4)) {
        $0.batchSize = 4
        $0.maximumGradientNorm = 1
        change(&$0)
      }
      return try (0..<4).map { _ in try trainer.takeStep() }
    }
    let exact = try train { _ in }
    let steps = try train {
      $0.dtype = .float16
      $0.lossScaling = scaling
    }
    #expect(exact.allSatisfy { $0.lossScale == 1 } && steps.allSatisfy { !$0.wasSkipped })
    for number: (StepReport) -> Double in [\.loss, \.gradientNorm] {
      let error = relativeError(Tensor(steps.map(number)), Tensor(exact.map(number)))
      #expect(error > 0 && error < Tolerance.float16)
    }
    let scales: [Double] =
      scaling == .constant(256) ? [256, 256, 256, 256] : [1024, 1024, 4096, 4096]
    #expect(steps.map(\.lossScale) == scales)
  }

  @Test func skipsOverflowsAndLowersTheScale() throws {
    let trainer = try goldenTrainer(GivenLatents(count: 4, rows: 4)) {
      $0.batchSize = 4
      $0.dtype = .float16
      $0.lossScaling = .dynamic(initial: 0x1p40, factor: 0x1p15, window: 100)
    }
    let before = kept(trainer)
    let first = try trainer.takeStep()
    #expect(first.wasSkipped && first.loss.isFinite && !first.gradientNorm.isFinite)
    #expect(kept(trainer) == before)
    var next = try trainer.takeStep()
    while next.wasSkipped { next = try trainer.takeStep() }
    #expect(next.lossScale < first.lossScale && next.gradientNorm.isFinite)
    #expect(kept(trainer) != before)
  }

  @Test func resumesTheLossScaleOnlyIfTheScalingAgrees() throws {
    func trainer(_ dtype: DType, _ scaling: LossScaling) throws -> Trainer {
      try goldenTrainer(GivenLatents(count: 2, rows: 2)) {
        $0.batchSize = 2
        $0.dtype = dtype
        $0.lossScaling = scaling
      }
    }
    func scale(_ state: TrainerState, _ trainer: Trainer) throws -> Double {
      try trainer.restore(state, sampleCount: 0)
      return try trainer.state().lossScale
    }
    let dynamic = LossScaling.dynamic(initial: 512, factor: 2, window: 1)
    let first = try trainer(.float16, dynamic)
    _ = try first.takeStep()
    let state = try first.state()
    #expect(state.lossScale == 1024)
    #expect(try scale(state, trainer(.float16, dynamic)) == 1024)
    #expect(
      try scale(state, trainer(.float16, .dynamic(initial: 512, factor: 4, window: 9))) == 1024)
    #expect(
      try scale(state, trainer(.float16, .dynamic(initial: 64, factor: 2, window: 1))) == 64)
    #expect(try scale(state, trainer(.float16, .constant(512))) == 512)
    #expect(try scale(state, trainer(.float32, dynamic)) == 1)
    let plain = try trainer(.float32, dynamic).state()
    #expect(try scale(plain, trainer(.float16, dynamic)) == 512)
    let fixed = try trainer(.float16, .constant(8)).state()
    #expect(try scale(fixed, trainer(.float16, .constant(16))) == 16)
  }

  @Test func repeatsAStepThatItsDataStopped() throws {
    let (data, other) = (try GivenLatents(count: 12, rows: 2), try GivenLatents(count: 12, rows: 2))
    let trainers = try [data, other].map {
      try goldenTrainer($0) {
        $0.batchSize = 2
        $0.accumulationCount = 2
      }
    }
    for trainer in trainers { _ = try trainer.takeStep() }
    let before = kept(trainers[0])
    data.beforeEach = { if $0 == 3 { throw ImageError("unreadable") } }
    #expect(throws: ImageError.self) { try trainers[0].takeStep() }
    #expect(trainers[0].step == 1 && kept(trainers[0]) == before)
    data.beforeEach = { _ in }
    data.seek(sampleCount: trainers[0].sampleCount)
    for trainer in trainers { _ = try trainer.takeStep() }
    #expect(kept(trainers[0]) == kept(trainers[1]))
  }

  @Test func takesTheSameStepsWhenItPrefetches() throws {
    func train(_ prefetches: Bool) throws -> (trainer: Trainer, given: [Int]) {
      let data = try GivenLatents(count: 12, rows: 2)
      var given: [Int] = []
      data.beforeEach = { given.append($0) }
      let trainer = try goldenTrainer(data, stepCount: 3) {
        $0.batchSize = 2
        $0.accumulationCount = 2
        $0.prefetches = prefetches
      }
      _ = try trainer.takeStep()
      #expect(given == (prefetches ? [0, 1, 2] : [0, 1]))
      data.seek(sampleCount: 4)
      try trainer.restore(try trainer.state(), sampleCount: 4)
      for _ in 0..<2 { _ = try trainer.takeStep() }
      return (trainer, given)
    }
    let (plain, ahead) = (try train(false), try train(true))
    #expect(plain.given == [0, 1, 2, 3, 4, 5] && ahead.given == [0, 1, 2, 2, 3, 4, 5])
    #expect(kept(ahead.trainer) == kept(plain.trainer))
  }

  @Test func drawsTimestepsOfALogitNormalDistribution() throws {
    var config = TrainingConfig()
    config.timesteps = .logitNormal(mean: -0.5, deviation: 1.5)
    let randomness = StepRandomness(
      shape: [2000, 1, 1, 1], hasPosterior: false, config: config, generator: try Generator(seed: 3)
    )
    let normal = Tensor.randn([2000], generator: try Generator(seed: 3)).elements(Float.self)
    let expected = normal.map { number in
      let logit = Double(number) * 1.5 - 0.5
      return min(Int(1000 / (1 + exp(-logit))), 999)
    }
    let times = randomness.times.elements(Int.self)
    // Rounding may lift a number over the next step's edge.
    #expect(zip(times, expected).allSatisfy { abs($0 - $1) <= 1 })
    #expect(zip(times, expected).filter { $0 != $1 }.count < 5)
    #expect(times.allSatisfy { (0..<1000).contains($0) })
  }
}
