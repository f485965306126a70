internal import Diffusion
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Training

/// Whole steps as a device records them, computed on the processor, against steps in parts.
@Suite struct RecordedStepTests {
  private typealias Change = (inout TrainingConfig) -> Void

  private func trainer(
    _ data: GivenLatents, records: Bool, stepCount: Int = 10, _ change: Change
  ) throws -> Trainer {
    try goldenTrainer(data, stepCount: stepCount) {
      $0.batchSize = 4
      change(&$0)
      $0.recordsSteps = records
    }
  }

  private func state(_ trainer: Trainer) -> [Tensor] {
    let optimizer = trainer.optimizer
    return optimizer.parameters.map(\.detached) + optimizer.firstMoments + optimizer.secondMoments
      + optimizer.ema
  }

  static let recipes: [String: @Sendable (inout TrainingConfig) -> Void] = [
    "published": { _ in },
    "decay, clipping, warm-up": {
      $0.weightDecay = 0.1
      $0.decayGroups = .withoutBiases
      $0.maximumGradientNorm = 0.05
      $0.emaDecay = 0.9
      $0.emaWarmsUp = true
      $0.schedule = LearningRateSchedule(.linear, start: 1e-3, end: 1e-4, warmupCount: 2)
      $0.objective = .ddpm(weighting: .minSNR(gamma: 5))
    },
    "no average, recomputation": {
      $0.emaDecay = nil
      $0.recompute = .all
    },
    "frozen": { $0.frozen = ["blocks"] },
  ]

  @Test(arguments: recipes.keys.sorted()) func takesTheSameSteps(_ name: String) throws {
    let change = try #require(Self.recipes[name])
    func train(records: Bool) throws -> (reports: [StepReport], trainer: Trainer) {
      let trainer = try trainer(GivenLatents(count: 16, rows: 4), records: records, change)
      return (try (0..<4).map { _ in try trainer.takeStep() }, trainer)
    }
    let (whole, parts) = (try train(records: true), try train(records: false))
    for number: (StepReport) -> Double in [
      \.loss, \.squaredError, { $0.variationalBound ?? 0 }, \.gradientNorm, \.learningRate,
    ] {
      let error = relativeError(
        Tensor(whole.reports.map(number)), Tensor(parts.reports.map(number)))
      #expect(error < Tolerance.float32, "\(name)")
    }
    let names = parts.trainer.optimizer.names
    for (index, (a, b)) in zip(state(whole.trainer), state(parts.trainer)).enumerated() {
      let parameter = names[index % names.count]
      let error = relativeError(comparable(a, parameter), comparable(b, parameter))
      #expect(error < Tolerance.trainedWeights, "\(name), \(parameter)")
    }
    #expect(whole.trainer.optimizer.stepCount == 4)
    #expect(whole.trainer.optimizer.parameters.allSatisfy { $0.gradient == nil })
  }

  @Test func callsBeforeUpdateBeforeItChangesAnything() throws {
    let trainer = try trainer(GivenLatents(count: 8, rows: 4), records: true) { _ in }
    for _ in 0..<2 {
      let before = state(trainer).map { $0.elements(Float.self) }
      var then: [[Float]] = []
      _ = try trainer.takeStep(beforeUpdate: {
        then = state(trainer).map { $0.elements(Float.self) }
      })
      #expect(then == before && then != state(trainer).map { $0.elements(Float.self) })
    }
  }

  @Test func skipsStepsThatAreNotFinite() throws {
    let good = try GivenLatents(count: 4, rows: 4).next()
    guard case .moments(let start, _) = good.content else {
      Issue.record("no moments")
      return
    }
    let data = GivenLatents(
      [(start, good.labels)] + Array(repeating: (start * .nan, good.labels), count: 25))
    let trainer = try trainer(data, records: true, stepCount: 26) { _ in }
    #expect(try !trainer.takeStep().wasSkipped)
    let before = state(trainer).map { $0.elements(Float.self) }
    for count in 1..<25 {
      let report = try trainer.takeStep()
      #expect(report.wasSkipped && report.loss.isNaN && trainer.skippedInARow == count)
    }
    #expect(state(trainer).map { $0.elements(Float.self) } == before)
    #expect(trainer.optimizer.stepCount == 1)
    #expect(throws: TrainingError.self) { try trainer.takeStep() }
  }

  @Test func lowersTheScaleOfFloat16() throws {
    let trainer = try trainer(GivenLatents(count: 4, rows: 4), records: true) {
      $0.dtype = .float16
      $0.lossScaling = .dynamic(initial: 0x1p40, factor: 0x1p15, window: 100)
    }
    let before = state(trainer).map { $0.elements(Float.self) }
    let first = try trainer.takeStep()
    #expect(first.wasSkipped && first.loss.isFinite && !first.gradientNorm.isFinite)
    #expect(state(trainer).map { $0.elements(Float.self) } == before)
    var next = try trainer.takeStep()
    while next.wasSkipped { next = try trainer.takeStep() }
    #expect(next.lossScale < first.lossScale && next.gradientNorm.isFinite)
    #expect(state(trainer).map { $0.elements(Float.self) } != before)
  }

  @Test func changesNothingIfDataFail() throws {
    struct NoData: Error {}
    let data = try GivenLatents(count: 12, rows: 4)
    let (failing, whole) = (
      try trainer(data, records: true) { _ in },
      try trainer(GivenLatents(count: 12, rows: 4), records: true) { _ in }
    )
    _ = try failing.takeStep()
    data.beforeEach = { _ in throw NoData() }
    #expect(throws: NoData.self) { try failing.takeStep() }
    data.beforeEach = { _ in }
    _ = try failing.takeStep()
    for _ in 0..<2 { _ = try whole.takeStep() }
    #expect(
      state(failing).map { $0.elements(Float.self) } == state(whole).map { $0.elements(Float.self) }
    )
  }

  @Test func isNotUsedForMicroBatches() throws {
    let trainer = try trainer(GivenLatents(count: 16, rows: 4), records: true) {
      $0.accumulationCount = 2
    }
    #expect(try !trainer.takeStep().wasSkipped)
    #expect(trainer.optimizer.stepCount == 1 && trainer.sampleCount == 8)
  }
}
